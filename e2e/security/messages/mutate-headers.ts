import type { Random } from "../support/random.js";

/** A header that is wrong, or that a caller seldom sends. */
export function strangeHeader(random: Random): Readonly<Record<string, string>> {
  const name = random.pick(Object.keys(headers));
  return { [name]: random.pick(headers[name] ?? [""]) };
}

/** Of headers that set a deadline: a call that has them may be late. */
export const timeouts: ReadonlySet<string> = new Set(["grpc-timeout", "connect-timeout-ms"]);

const long = "x".repeat(4000);
const numbers = ["", "0", "-1", "1.5", "1e3", "NaN", "99999999999999999999", "0x10", "é", long];
const encodings = ["", "gzip", "br", "deflate", "lzma", "gzip, gzip", "__proto__", long];

const headers: Readonly<Record<string, readonly string[]>> = {
  "grpc-timeout": [...numbers, "0n", "1n", "99999999H", "600H", "999999999S", "1X", "1 S", "S"],
  "connect-timeout-ms": [...numbers, "1", "9999999999", "99999999999"],
  "connect-protocol-version": ["", "0", "2", "1, 1", long],
  "content-type": [
    ...["", "application/grpc", "application/json", "application/proto", "text/plain", "*/*"],
    ...["application/grpc-web-text", "application/grpc+xml", "application/json; charset=utf-16"],
    ...["application/connect+proto", "application/connect+json", "application/json;", ";", long],
  ],
  "grpc-encoding": encodings,
  "connect-content-encoding": encodings,
  "content-encoding": encodings,
  "grpc-accept-encoding": encodings,
  "accept-encoding": encodings,
  "x-http-method-override": ["DELETE"],
  "x-binary-bin": ["", "AAAA", "*", "====", long],
  "grpc-status": ["0", "13"],
  "grpc-message": ["%", "%zz", "%c3%28"],
  authorization: ["", "Bearer", "Bearer ", "Basic Og==", `Bearer ${long}`],
  origin: ["null", "http://evil.example", ""],
};
