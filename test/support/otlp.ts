import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** A span that a collector received. */
export type ReceivedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
};

/** A collector that accepts OTLP over HTTP with protobuf, and stores the spans. */
export type Collector = {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Returns all received bytes as text, to search for data that must not be exported. */
  readonly text: () => string;
  readonly close: () => void;
};

export async function startCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  let text = "";
  const server = createServer(async (request, response) => {
    const sent = await buffer(request);
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
    text += body.toString("latin1");
    const isTraces = request.method === "POST" && request.url === "/v1/traces";
    if (isTraces) spans.push(...readSpans(body));
    response.writeHead(isTraces ? 200 : 404, { "content-type": "application/x-protobuf" }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, spans, text: () => text, close };
}

/** Decodes an ExportTraceServiceRequest: resource_spans 1, in it scope_spans 2, in it spans 2. */
function readSpans(request: Uint8Array): ReceivedSpan[] {
  const inner = (message: Uint8Array, field: number) => fieldsOf(message).get(field) ?? [];
  return inner(request, 1)
    .flatMap((resourceSpans) => inner(resourceSpans, 2))
    .flatMap((scopeSpans) => inner(scopeSpans, 2))
    .map((span) => {
      const [[traceId], [spanId], [parentSpanId], [name]] = [1, 2, 4, 5].map((field) =>
        inner(span, field),
      ) as [Uint8Array[], Uint8Array[], Uint8Array[], Uint8Array[]];
      return {
        ...{ traceId: toHex(traceId), spanId: toHex(spanId), parentSpanId: toHex(parentSpanId) },
        name: Buffer.from(name ?? []).toString(),
      };
    });
}

/** Returns the length-delimited fields of a message, by number. */
function fieldsOf(message: Uint8Array): Map<number, Uint8Array[]> {
  const fields = new Map<number, Uint8Array[]>();
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (type !== WireType.LengthDelimited) reader.skip(type, field);
    else fields.set(field, [...(fields.get(field) ?? []), reader.bytes()]);
  }
  return fields;
}

function toHex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("hex");
}
