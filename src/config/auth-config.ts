/** Whose JWTs (RFC 7519) are accepted, and the name of the claim with the role. */
export type JwtConfig = {
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
  readonly roleClaim: string;
};

/** How callers are authenticated, and what is public. Can be sent to another process. */
export type AuthConfig = {
  /** Undefined: no static tokens. */
  readonly tokensFile: string | undefined;
  /** Undefined: JWTs are not accepted. */
  readonly jwt: JwtConfig | undefined;
  /** Whether unauthenticated callers may use reflection and health. */
  readonly publicReflection: boolean;
  readonly publicHealth: boolean;
};

/** Returns true when callers must authenticate. */
export function isAuthenticated({ tokensFile, jwt }: AuthConfig): boolean {
  return tokensFile !== undefined || jwt !== undefined;
}
