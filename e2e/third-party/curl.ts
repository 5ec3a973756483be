import { expect } from "chai";
import * as calls from "./calls.js";
import type { Checks } from "./checks.js";
import { outputOf } from "./command.js";

/** Checks that curl can call the service with JSON, over both versions of HTTP. */
export async function checkCurl({ check }: Checks, address: string): Promise<void> {
  const url = `http://${address}/${calls.calculateCharge}`;
  const versions = { "HTTP/1.1": "--http1.1", "HTTP/2": "--http2-prior-knowledge" };
  for (const [version, option] of Object.entries(versions)) {
    const curl = async (...args: string[]) => {
      const shown = "\n%{http_code} %{http_version} %{content_type}";
      const output = await outputOf("curl", ["-sS", option, "-w", shown, ...args]);
      const end = output.lastIndexOf("\n");
      return { body: output.slice(0, end), seen: output.slice(end + 1) };
    };
    const post = (data: string) => curl("-H", "content-type: application/json", "-d", data, url);
    const number = version.slice("HTTP/".length);

    await check(`curl posts JSON over ${version}`, async () => {
      const { body, seen } = await post(calls.charge);
      expect(seen).to.equal(`200 ${number} application/json`);
      calls.expectCharge(body);
    });
    await check(`curl gets what has no side effects over ${version}`, async () => {
      const query = ["connect=v1", "encoding=json", `message=${calls.charge}`];
      const fields = query.flatMap((field) => ["--data-urlencode", field]);
      const { body, seen } = await curl("-G", ...fields, url);
      expect(seen).to.equal(`200 ${number} application/json`);
      calls.expectCharge(body);
    });
    await check(`curl gets the error of a missing price over ${version}`, async () => {
      const { body, seen } = await post(calls.missing);
      expect(seen).to.equal(`404 ${number} application/json`);
      const { code, details } = JSON.parse(body);
      expect(code).to.equal("not_found");
      expect(details[0].debug).to.include({ reason: "PRICE_NOT_FOUND", domain: "llmprices.v1" });
    });
    await check(`curl gets the error of an unknown field over ${version}`, async () => {
      const { body, seen } = await post('{"providr":"openai"}');
      expect(seen).to.equal(`400 ${number} application/json`);
      expect(JSON.parse(body)).to.include({ code: "invalid_argument" });
      expect(body).to.include("providr");
    });
  }
}
