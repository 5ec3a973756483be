import type { Replica } from "../environment/replica.js";
import { toFailure } from "../load/call-failure.js";
import type { Entry, Ledger } from "../load/write-log.js";
import { extentOf, type Findings } from "./database-state.js";

/** What has become of writes that were sent again. */
export type Repeats = { readonly count: number; readonly problems: readonly string[] };

/**
 * Sends again, with its request id, every write that was not answered and some that were, one after
 * the other through each replica. What the database has must be answered as it is there; what it has
 * not is done now, or refused because its instant has passed.
 */
export async function repeatWrites(
  { entries }: Ledger,
  before: Findings,
  replicas: readonly Replica[],
): Promise<Repeats> {
  const isAnswered = ({ state }: Entry) => state === "answered";
  const again = [
    ...entries.filter(({ state }) => state === "unanswered"),
    ...entries.filter(isAnswered).slice(-answeredAgain),
  ].entries();
  const problems: string[] = [];
  let count = 0;
  const lane = async () => {
    for (const [i, entry] of again) {
      const replica = replicas[i % replicas.length] as Replica;
      const problem = await repeat(entry, before, replica);
      if (problem !== undefined) problems.push(problem);
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  return { count, problems };
}

/** What is wrong with the answer to a repeat. */
async function repeat(
  entry: Entry,
  before: Findings,
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
    if (!isFound && kind === "refused" && reason === "INVALID_FIELD") return undefined;
    return `a repeat was answered ${reason}: ${message}`;
  }
}

const answeredAgain = 50;
const timeoutMs = 60_000;
