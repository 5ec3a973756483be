import type { Logger } from "pino";
import type { TraceExporter, Tracing } from "./tracing.js";

/** Starts tracing where it is asked for. Undefined: it is not, and nothing of it is loaded. */
export async function loadTracing(
  exporter: TraceExporter | undefined,
  log: Logger,
): Promise<Tracing | undefined> {
  if (exporter === undefined) return undefined;
  const { startTracing } = await import("./tracer-provider.js");
  return startTracing(exporter, log);
}
