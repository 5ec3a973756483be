import { setFlagsFromString } from "node:v8";

/**
 * Has V8 make all objects young, in the whole process. It would make some of each call's old at once
 * when many like them have lived long, be it in one slow moment; and what an old object leads to stays
 * until the garbage of the whole heap is collected: so all of each call lives long, from then on.
 */
export function disablePretenuring(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}
