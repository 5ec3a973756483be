/** Whose JWTs are taken (RFC 7519), and where they say what a caller may do. */
export type JwtConfig = {
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
  readonly roleClaim: string;
};

/** How callers are told apart, and what strangers may ask. Can be sent to another process. */
export type AuthConfig = {
  /** Undefined: there are no tokens of ours. */
  readonly tokensFile: string | undefined;
  /** Undefined: JWTs are not taken. */
  readonly jwt: JwtConfig | undefined;
  /** Whether reflection and health are answered to whoever asks. */
  readonly publicReflection: boolean;
  readonly publicHealth: boolean;
};

/** Whether callers are told apart at all. */
export function isAuthenticated({ tokensFile, jwt }: AuthConfig): boolean {
  return tokensFile !== undefined || jwt !== undefined;
}
