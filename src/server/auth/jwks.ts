import {
  createRemoteJWKSet,
  customFetch,
  type FetchImplementation,
  type JWTVerifyGetKey,
} from "jose";

/** The keys that an issuer signs with, and where it publishes them. */
export type KeySet = { readonly keys: JWTVerifyGetKey; readonly close: () => void };

/** Is told of each attempt to fetch the keys; the error is undefined when it succeeded. */
export type FetchObserver = (error: Error | undefined) => void;

/**
 * Follows a set of keys (RFC 7517, section 5). Keys that were fetched count until others are: while
 * their issuer cannot be reached, tokens can be checked. Keys that nobody knows have the set fetched
 * anew, but no more often than every half minute, and every five seconds after a failure: whoever
 * sends forgeries is not to have the issuer called for each.
 */
export function watchKeySet(url: string, observe: FetchObserver): KeySet {
  let failure: { readonly error: Error; readonly at: number } | undefined;
  const fetchKeys: FetchImplementation = async (href, options) => {
    if (failure !== undefined && performance.now() - failure.at < retryMs) throw failure.error;
    try {
      const keys = await readKeys(await fetch(href, options));
      failure = undefined;
      observe(undefined);
      return keys;
    } catch (error) {
      failure = { error: error as Error, at: performance.now() };
      observe(failure.error);
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

/** jose reads the answer; what it could not read is a failure like any other. */
async function readKeys(answer: Response): Promise<Response> {
  if (answer.status !== 200) throw new Error(`the key set was answered with ${answer.status}`);
  const text = await answer.text();
  if (!Array.isArray(JSON.parse(text).keys)) throw new Error("what was answered is no key set");
  return new Response(text);
}

const retryMs = 5000;
const cooldownMs = 30_000;
/** After this time a key that its issuer has withdrawn counts no more. */
const refreshMs = 300_000;
