import type { Logger } from "pino";
import type { Tracing } from "./tracing.js";

/** Where traces go: to a collector over OTLP, or to standard output. */
export type TraceExporter = "otlp" | "console";

/** Starts tracing where it is asked for. Undefined: it is not, and nothing of it is loaded. */
export async function loadTracing(
  exporter: TraceExporter | undefined,
  log: Logger,
): Promise<Tracing | undefined> {
  if (exporter === undefined) return undefined;
  const { startTracing } = await import("./tracer-provider.js");
  return startTracing(exporter, log);
}
