#!/usr/bin/env bash
# A V8 flag that a worker thread sets changes the whole process
#
# The good guess: a worker thread has its own V8 heap, its own `process.execArgv` and its own
#   `resourceLimits`. So `v8.setFlagsFromString()` in a worker changes this worker only, and the change
#   ends with the worker.
# What happens: V8 flags belong to the process. The main thread gets the flag, and so does each worker
#   that starts later. The flag stays after the worker has ended.
# Why it matters for pricing: a service allocates large bills in worker threads, and wants another
#   garbage collection there than in the thread that answers single calls. A flag that is set in the
#   worker (heap growth, young generation) also changes the thread of the calls, in an order that
#   depends on when the worker started.
#
# Seen with: Node 20.20.2, 22.23.3, 24.21.0 and 26.10.0. Output:
#   main thread, a new context before the worker: gc is not defined
#   main thread, a new context after the worker has ended: gc is a function
#   second worker, a new context: gc is a function
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

cat > "$work/check.mjs" <<'JS'
import { once } from "node:events";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";

// --expose-gc is easy to observe: each new context gets a function `gc` when the flag is set.
const expression = "typeof gc === 'function' ? 'gc is a function' : 'gc is not defined'";
const probe = () => runInNewContext(expression);

const before = probe();
const first = new Worker(`require("node:v8").setFlagsFromString("--expose-gc");`, { eval: true });
await once(first, "exit");
const after = probe();
const second = new Worker(
  `const { runInNewContext } = require("node:vm");
   require("node:worker_threads").parentPort.postMessage(runInNewContext(${JSON.stringify(expression)}));`,
  { eval: true },
);
const [inSecond] = await once(second, "message");

console.log(`Node ${process.version}`);
console.log(`main thread, a new context before the worker: ${before}`);
console.log(`main thread, a new context after the worker has ended: ${after}`);
console.log(`second worker, a new context: ${inSecond}`);
if (before === "gc is not defined" && after === inSecond && after === "gc is a function") {
  console.log("As stated: the flag of one worker holds for the whole process.");
} else {
  console.log("Changed: the flag of a worker no longer reaches the other threads.");
  process.exitCode = 1;
}
JS
node "$work/check.mjs"
