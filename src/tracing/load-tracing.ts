import type { Logger } from "pino";
import type { TraceExporter, Tracing } from "./tracing.js";

/** Loads OpenTelemetry and starts tracing, or returns undefined when tracing is not configured. */
export async function loadTracing(
  exporter: TraceExporter | undefined,
  log: Logger,
): Promise<Tracing | undefined> {
  if (exporter === undefined) return undefined;
  const { startTracing } = await import("./tracer-provider.js");
  return startTracing(exporter, log);
}
