import type { Abuse } from "./abuse.js";
import { controlFrameAbuses } from "./abuses/control-frames.js";
import { databaseAbuses } from "./abuses/database.js";
import { largeCallAbuses } from "./abuses/large-calls.js";
import { resetAbuses } from "./abuses/resets.js";
import { standardServiceAbuses } from "./abuses/standard-services.js";
import { streamAbuses } from "./abuses/streams.js";
import { unauthenticatedAbuses } from "./abuses/unauthenticated.js";
import { unreadAbuses } from "./abuses/unread.js";

export const abuses: readonly Abuse[] = [
  ...unauthenticatedAbuses,
  ...controlFrameAbuses,
  ...resetAbuses,
  ...largeCallAbuses,
  ...databaseAbuses,
  ...streamAbuses,
  ...unreadAbuses,
  ...standardServiceAbuses,
];

export function findAbuse(name: string): Abuse {
  const found = abuses.find((abuse) => abuse.name === name);
  if (found === undefined) throw new Error(`there is no abuse ${name}`);
  return found;
}
