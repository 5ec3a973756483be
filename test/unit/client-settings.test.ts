import { expect } from "chai";
import { readSettings } from "../../src/cli/client/client-settings.js";
import { readClientEnvironment } from "../../src/config/config.js";

const read = (flags = {}, environment: Record<string, string> = {}) =>
  readSettings(flags, readClientEnvironment(environment));

describe("Settings of commands", () => {
  it("default to the service on the loopback interface, without encryption", () => {
    expect(read()).to.deep.equal({
      address: { host: "127.0.0.1", port: 50051 },
      token: undefined,
      tls: undefined,
      timeoutMs: undefined,
    });
  });

  it("come from the environment, and flags override it", () => {
    const environment = { LLMPRICES_ADDRESS: "prices:1", LLMPRICES_TOKEN: "a" };
    expect(read({}, environment)).to.deep.include({
      address: { host: "prices", port: 1 },
      token: "a",
    });
    const flags = { address: "[::1]:2", token: "b", timeout: 1.5 };
    expect(read(flags, environment)).to.deep.include({
      address: { host: "::1", port: 2 },
      token: "b",
      timeoutMs: 1500,
    });
  });

  it("treat an empty variable as unset", () => {
    expect(read({}, { LLMPRICES_ADDRESS: "", LLMPRICES_TLS: "" })).to.deep.equal(read());
  });

  it("use TLS when it is requested, or when certificate files are set", () => {
    const noFiles = { ca: undefined, cert: undefined, key: undefined };
    expect(read({ tls: true }).tls).to.deep.equal(noFiles);
    expect(read({}, { LLMPRICES_TLS: "true" }).tls).to.deep.equal(noFiles);
    expect(read({}, { LLMPRICES_TLS: "false" }).tls).to.equal(undefined);
    expect(read({ caFile: "LICENSE" }).tls?.ca).to.match(/^MIT License/);
  });

  const wrongSettings: Record<string, [object, Record<string, string>, string]> = {
    "an address without a port": [
      { address: "prices" },
      {},
      '--address is "prices"; expected host:port, like 127.0.0.1:50051',
    ],
    "a variable's address without a port": [
      {},
      { LLMPRICES_ADDRESS: "http://x" },
      'LLMPRICES_ADDRESS is "http://x"; expected host:port, like 127.0.0.1:50051',
    ],
    "a token with a line end, without showing it": [
      {},
      { LLMPRICES_TOKEN: "hush\n" },
      "LLMPRICES_TOKEN is not a token (not shown); expected visible ASCII characters",
    ],
    "a boolean that is neither true nor false": [
      {},
      { LLMPRICES_TLS: "1" },
      'LLMPRICES_TLS is "1"; expected true or false',
    ],
    "a certificate without its key": [
      { certFile: "a.pem" },
      {},
      "--cert-file is set alone; expected a certificate and its key: both or neither",
    ],
    "a key without its certificate": [
      {},
      { LLMPRICES_KEY_FILE: "a.pem" },
      "LLMPRICES_KEY_FILE is set alone; expected a certificate and its key: both or neither",
    ],
    "a file that does not exist": [
      { caFile: "nowhere.pem" },
      {},
      "--ca-file cannot be read: ENOENT: no such file or directory, open 'nowhere.pem'",
    ],
  };
  for (const [what, [flags, environment, message]] of Object.entries(wrongSettings)) {
    it(`reject ${what}`, () => {
      expect(() => read(flags, environment)).to.throw(message);
    });
  }
});
