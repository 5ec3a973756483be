// Loaded by the service before its own program: at SIGUSR2 all its threads collect their garbage,
// so that what is measured afterwards is what they hold.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
const threads = new BroadcastChannel("collect-garbage");
threads.onmessage = () => collect();
threads.unref();
if (isMainThread) {
  process.on("SIGUSR2", () => {
    threads.postMessage("now");
    collect();
  });
}
