import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { buildClient } from "../../examples/build.js";
import { clients } from "../../examples/clients.js";
import type { Replica } from "../environment/replica.js";
import type { WriteLog } from "./write-log.js";
import { createPrice } from "./writes.js";

/** Builds the client of examples/go/steady-load. */
export async function buildGoClient(): Promise<void> {
  const go = clients.find(({ folder: name }) => name === "go");
  if (go === undefined) throw new Error("examples has no client in Go");
  await buildClient(go);
  await promisify(execFile)("go", ["build", "-o", "bin/", "./steady-load"], { cwd: folder });
}

/** Starts it on all replicas. Returns a function that waits for its calls and stops it. */
export function startGoClient(
  writeLog: WriteLog,
  replicas: readonly Replica[],
): () => Promise<void> {
  const args = [String(firstModel), ...replicas.map(({ grpcAddress }) => grpcAddress)];
  const client = spawn(`${folder}/bin/steady-load`, args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(client, "close");
  createInterface(client.stdout).on("line", (text) => note(writeLog, JSON.parse(text)));
  return async () => {
    client.stdin.end();
    const [code] = await ended;
    if (code !== 0) writeLog.violations.push(`the client in Go ended with ${code}`);
  };
}

type Line =
  | { readonly failed: string }
  | { readonly calls: number }
  | {
      readonly requestId: string;
      readonly model: string;
      readonly price: string;
      readonly version: string;
      readonly effectiveFrom: number;
    };

function note(writeLog: WriteLog, line: Line): void {
  if ("failed" in line) {
    writeLog.violations.push(`the client in Go, which retries: ${line.failed}`);
  } else if ("calls" in line) {
    writeLog.notes.push(`Go ${line.calls} calls`);
  } else {
    const { requestId, model, price, effectiveFrom } = line;
    const key = { chargeType: "completion", provider: "acme", model };
    const answer = { version: BigInt(line.version), effectiveFrom };
    writeLog.entries.push({ ...createPrice(key, price, requestId), state: "answered", answer });
    writeLog.known.set(key, answer);
  }
}

const folder = fileURLToPath(new URL("../../../examples/go", import.meta.url));
/** Other clients write the models before it. */
const firstModel = 40_000;
