import type { TraceExporter } from "../tracing/tracing.js";
import { oneOf, type ReadVariable, trueOrFalse } from "./environment.js";

/**
 * Returns where to send traces, from the variables of OpenTelemetry. Returns undefined unless one
 * of them asks for traces. The SDK of OpenTelemetry reads the other settings itself.
 */
export function readTraceExporter(read: ReadVariable): TraceExporter | undefined {
  const isDisabled = read("OTEL_SDK_DISABLED", "false", ...trueOrFalse);
  const named = read("OTEL_TRACES_EXPORTER", undefined, ...oneOf(["otlp", "console", "none"]));
  const endpoints = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"].map(
    (name) => read(name, undefined, "a URL like http://collector:4318", parseUrl),
  );
  const protocols = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
  for (const name of protocols) read(name, undefined, ...oneOf(["http/protobuf"]));
  if (isDisabled || named === "none") return undefined;
  return named ?? (endpoints.some((each) => each !== undefined) ? "otlp" : undefined);
}

function parseUrl(text: string): string | undefined {
  return /^https?:/.test(text) && URL.canParse(text) ? text : undefined;
}
