import { toFailure } from "../../support/call-failure.js";
import type { Replica } from "../environment/replica.js";
import type { Entry, WriteLog } from "../load/write-log.js";
import { type DatabaseState, extentOf } from "./database-state.js";

/** The outcome of writes that were sent again. */
export type Repeats = { readonly count: number; readonly problems: readonly string[] };

/**
 * Sends every unanswered write and some answered ones again, with the same request id, to the replicas
 * in turn. A write that the database has must be answered with its version. Any other is done now, or
 * rejected because its scheduled time has passed.
 */
export async function repeatWrites(
  { entries }: WriteLog,
  before: DatabaseState,
  replicas: readonly Replica[],
): Promise<Repeats> {
  const isAnswered = ({ state }: Entry) => state === "answered";
  const again = [
    ...entries.filter(({ state }) => state === "unanswered"),
    ...entries.filter(isAnswered).slice(-answeredAgain),
  ].entries();
  const problems: string[] = [];
  let count = 0;
  const repeatNext = async () => {
    for (const [i, entry] of again) {
      const replica = replicas[i % replicas.length] as Replica;
      const problem = await repeat(entry, before, replica);
      if (problem !== undefined) problems.push(problem);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: 4 }, repeatNext));
  return { count, problems };
}

/** Sends a write again. Returns what is wrong with the response. */
async function repeat(
  entry: Entry,
  before: DatabaseState,
  replica: Replica,
): Promise<string | undefined> {
  const isFound = extentOf(entry, before) !== "none";
  try {
    const answer = await entry.send(replica.grpc, timeoutMs);
    const version = before.byWrite.get(entry.requestId)?.[0]?.version ?? answer.version;
    if (version !== answer.version) return `${version} was repeated as ${answer.version}`;
    entry.answer = answer;
    return undefined;
  } catch (error) {
    const { kind, reason, message } = toFailure(error);
    if (!isFound && kind === "rejected" && reason === "INVALID_FIELD") return undefined;
    return `a repeat was answered ${reason}: ${message}`;
  }
}

const answeredAgain = 50;
const timeoutMs = 60_000;
