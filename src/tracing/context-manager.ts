import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";

/** Enables OpenTelemetry contexts in this thread, so that async work keeps the span of its call. */
export function enableContexts(): void {
  if (isEnabled) return;
  isEnabled = true;
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}

let isEnabled = false;
