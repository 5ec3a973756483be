import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { Socket } from "node:net";
import { expect } from "chai";
import { findMissing, reportMissing } from "../../src/library-internals/check-internals.js";
import { type LibraryInternal, libraryInternals } from "../../src/library-internals/internals.js";
import { type Samples, withSamples } from "../../src/library-internals/samples.js";

/** The changes of the samples that simulate a renamed field, by the field's name in the list. */
const changes: Readonly<Record<string, (samples: Samples) => Partial<Samples>>> = {
  "Server.http2Servers": () => ({ grpcServer: {} }),
  "the only 'stream' listener of each HTTP/2 server": () => ({
    grpcServer: { http2Servers: new Map([[createServer(), {}]]) },
  }),
  "interceptors are created while 'stream' is handled": ({ grpcCall }) => ({
    grpcCall: { ...grpcCall, isInterceptedSynchronously: false },
  }),
  "errors of its own go through the sendStatus method of the innermost call": ({ grpcCall }) => ({
    grpcCall: { ...grpcCall, isOwnErrorIntercepted: false },
  }),
  "ServerCredentials.updateSecureContextOptions": ({ grpcCredentials }) => ({
    grpcCredentials: without(grpcCredentials, "updateSecureContextOptions"),
  }),
  "the only 'connection' listener of http.Server": () => ({
    httpServer: createServer().on("connection", () => {}),
  }),
  "the only 'secureConnection' listener of https.Server": () => ({
    httpsServer: createServer()
      .on("secureConnection", () => {})
      .on("secureConnection", () => {}),
  }),
  "the only 'connection', 'secureConnection' and 'stream' listeners of HTTP/2 servers": () => ({
    http2Server: createHttp2Server(),
  }),
  "Http2Session[Symbol(state)].streams": () => ({
    http2Session: { [Symbol("state")]: { openStreams: new Map() } } as never,
  }),
  "'session' is emitted while 'connection' is handled": () => ({
    isSessionCreatedSynchronously: false,
  }),
  "net.Socket._handle.fd and .writeQueueSize": () => ({ openSocket: new Socket() }),
  "Readable._readableState.highWaterMark": () => ({ readable: { _readableState: {} } as never }),
  "client.pool: max, numUsed, numFree, numPendingAcquires, on": () => ({
    knex: { client: { tarn: {} } },
  }),
  "Client.processID": () => ({ pgClient: { connection: { stream: new Socket() } } }),
  "Client.connection.stream": () => ({ pgClient: { connection: { socket: new Socket() } } }),
  "Registry reads name and get() of a registered metric": () => ({ exposition: "" }),
};

describe("The private fields of libraries", () => {
  it("exist in the installed versions, on this version of Node.js", async () => {
    expect(await withSamples((samples) => findMissing(samples).map(fieldOf))).to.deep.equal([]);
  });

  for (const internal of libraryInternals) {
    const { library, field, ifMissing, onlyWith } = internal;
    const isEncrypted = onlyWith === "tls";

    it(`are reported as missing when renamed: ${library}: ${field}`, async () => {
      const found = await withSamples((samples) => {
        const change = changes[field]?.(samples);
        return findMissing({ ...samples, ...change });
      });
      expect(found.map(fieldOf)).to.include(field);
      expect(found.every((each) => each.library === library)).to.equal(true);
    });

    if (ifMissing === "fail to start") {
      it(`prevent the start when missing, and the error names the remedy: ${field}`, () => {
        expect(() => report([internal], isEncrypted)).to.throw(
          new RegExp(`^cannot start: (${library}|Node.js) [0-9.]+ lacks "`),
        );
        expect(() => report([internal], isEncrypted)).to.throw(/npm ci/);
      });
    } else {
      it(`cause a warning with the consequence when missing: ${field}`, () => {
        expect(report([internal], isEncrypted)).to.deep.equal([ifMissing.fallBack]);
      });
    }
  }

  it("are not required of a service that does not use them", () => {
    const onlyWithTls = libraryInternals.filter(({ onlyWith }) => onlyWith === "tls");
    expect(report(onlyWithTls, false)).to.deep.equal([]);
  });
});

/** Reports missing fields. Returns the consequences that are logged. */
function report(missing: readonly LibraryInternal[], isEncrypted: boolean): string[] {
  const consequences: string[] = [];
  const warn = (fields: { readonly consequence: string }) => consequences.push(fields.consequence);
  reportMissing(missing, isEncrypted, { warn } as never);
  return consequences;
}

function fieldOf({ field }: LibraryInternal): string {
  return field;
}

function without(object: object, field: string): object {
  return new Proxy(object, { get: (target, name) => name !== field && Reflect.get(target, name) });
}
