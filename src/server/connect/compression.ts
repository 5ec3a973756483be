/** Returns whether the messages of a request are compressed, in any of Connect's protocols. */
export function isCompressed(find: (name: string) => unknown): boolean {
  return headers.some((name) => (find(name) ?? "identity") !== "identity");
}

const headers = ["content-encoding", "connect-content-encoding", "grpc-encoding"];
