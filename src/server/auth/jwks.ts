import {
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JWTVerifyGetKey,
} from "jose";

/** The keys that an issuer signs with. `close` stops fetching them. */
export type KeySet = { readonly keys: JWTVerifyGetKey; readonly close: () => void };

/** Called after each attempt to fetch the keys. The error is undefined if it succeeded. */
export type OnFetch = (error: Error | undefined) => void;

/**
 * Fetches a JSON Web Key Set (RFC 7517, section 5) and keeps it current. Fetched keys stay valid
 * until the next successful fetch: tokens can be verified while the issuer cannot be reached. A
 * token with an unknown key triggers a fetch, at most every 30 seconds, and after a failure at most
 * every 5 seconds. Otherwise each forged token would cause a request to the issuer.
 */
export function watchKeySet(url: string, onFetch: OnFetch): KeySet {
  let failure: { readonly error: Error; readonly at: number } | undefined;
  const fetchKeys: FetchImplementation = async (href, options) => {
    if (failure !== undefined && performance.now() - failure.at < retryMs) throw failure.error;
    try {
      const keys = await checkKeySet(await fetch(href, options));
      failure = undefined;
      onFetch(undefined);
      return keys;
    } catch (error) {
      failure = { error: error as Error, at: performance.now() };
      onFetch(failure.error);
      throw error;
    }
  };
  const keys = createRemoteJWKSet(new URL(url), {
    ...{
      cacheMaxAge: Number.POSITIVE_INFINITY,
      cooldownDuration: cooldownMs,
      timeoutDuration: 5000,
    },
    [customFetch]: fetchKeys,
  });
  const reload = () => void keys.reload().catch(() => undefined);
  reload();
  const timer = setInterval(reload, refreshMs).unref();
  return { keys, close: () => clearInterval(timer) };
}

/**
 * Checks the response before jose reads it, so that an unreadable one counts as a failed fetch.
 *
 * @throws Error when the response is not a key set.
 */
async function checkKeySet(response: Response): Promise<Response> {
  if (response.status !== 200) throw new Error(`the issuer responded with ${response.status}`);
  const text = await response.text();
  if (!Array.isArray(JSON.parse(text).keys)) throw new Error("the response is not a key set");
  return new Response(text);
}

const retryMs = 5000;
const cooldownMs = 30_000;
/** The interval of fetches, and so the longest that a withdrawn key stays valid. */
const refreshMs = 300_000;
