/**
 * Returns whether messages of a request may be compressed, in any of Connect's protocols. The message of
 * a GET request is in its URL.
 */
export function mayBeCompressed(url: string, find: (name: string) => unknown): boolean {
  if (url.includes("compression=")) return true;
  return headers.some((name) => (find(name) ?? "identity") !== "identity");
}

const headers = ["content-encoding", "connect-content-encoding", "grpc-encoding"];
