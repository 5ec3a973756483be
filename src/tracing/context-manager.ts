import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";

/** Has what is done later, in this thread, know for which call it is done. */
export function keepContexts(): void {
  if (isKept) return;
  isKept = true;
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}

let isKept = false;
