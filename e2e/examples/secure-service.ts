import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BenchedService, startService } from "../../bench/support/service.js";
import { createCertificate } from "../../test/support/certificates.js";
import { freshToken, toTokensText } from "../../test/support/tokens.js";
import { type Credentials, run } from "./build.js";
import type { Client } from "./clients.js";

/** A service that requires TLS and a token, and the credentials that it accepts. */
export type SecureService = BenchedService & { readonly credentials: Required<Credentials> };

/** How many checks `checkCredentials` makes. */
export const credentialCheckCount = 2;

/** Starts the service with its data, certificate and tokens in `folder`. */
export async function startSecureService(folder: string): Promise<SecureService> {
  const authority = createCertificate({ name: "authority of the examples" });
  const { cert, key } = createCertificate({ by: authority });
  const caller = freshToken("example", "calculate");
  const put = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const service = await startService(folder, {
    TLS_CERT_FILE: put("server.pem", cert),
    TLS_KEY_FILE: put("server.key", key),
    AUTH_TOKENS_FILE: put("tokens.json", toTokensText([caller])),
  });
  const credentials = {
    LLMPRICES_CA_FILE: put("authority.pem", authority.cert),
    LLMPRICES_TOKEN: caller.token,
  };
  return { ...service, credentials };
}

/**
 * Calculates the first charge with a client: with both credentials it must print `expected`, and
 * without the token it must fail with UNAUTHENTICATED. Returns what is wrong.
 */
export async function checkCredentials(
  client: Client,
  { credentials, ...service }: SecureService,
  expected: string,
  timeoutMs: number,
): Promise<readonly string[]> {
  const command = [...client.firstCharge, service[client.listener]];
  const outcome = (given: Credentials) =>
    run(client, command, timeoutMs, given).catch((error: Error) => error.message);
  const problems: string[] = [];
  const printed = (await outcome(credentials)).trimEnd();
  if (printed !== expected) {
    problems.push(`with TLS and a token:\nexpected ${expected}\nseen     ${printed}`);
  }
  const { LLMPRICES_TOKEN: _, ...withoutToken } = credentials;
  const failure = (await outcome(withoutToken)).trimEnd();
  if (!/\bunauthenticated\b/i.test(failure)) {
    problems.push(`without a token:\nexpected UNAUTHENTICATED\nseen     ${failure}`);
  }
  return problems;
}
