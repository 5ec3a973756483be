import { createContextKey } from "@connectrpc/connect";

/** Who makes a call, as recorded with what the call changes. */
export const callerName = createContextKey("anonymous", {
  description: "the authenticated name of the caller",
});
