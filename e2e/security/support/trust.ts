import { startIssuer, type TestIssuer } from "../../../test/support/issuer.js";
import { createTokensFile, freshToken } from "../../../test/support/tokens.js";

/** The credentials that a service accepts: a token of each role, and those of an issuer. */
export type Trust = {
  readonly calculate: string;
  readonly manage: string;
  readonly issuer: TestIssuer;
  /** The variables that configure them. */
  readonly settings: Readonly<Record<string, string>>;
};

/** Creates tokens and an issuer, passes them to `work`, and removes them. */
export async function withTrust(work: (trust: Trust) => Promise<void>): Promise<void> {
  const calculate = freshToken("calculator", "calculate");
  const manage = freshToken("manager", "manage");
  const file = createTokensFile(calculate, manage);
  const issuer = await startIssuer();
  try {
    const { jwksUrl = "", issuer: name = "", audience = "" } = issuer.auth.jwt ?? {};
    await work({
      ...{ calculate: calculate.token, manage: manage.token, issuer },
      settings: {
        AUTH_TOKENS_FILE: file.path,
        AUTH_JWKS_URL: jwksUrl,
        AUTH_ISSUER: name,
        AUTH_AUDIENCE: audience,
      },
    });
  } finally {
    await issuer.stop();
    file.remove();
  }
}
