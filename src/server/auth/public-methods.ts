import type { AuthConfig } from "../../config/auth-config.js";

/** Tells which methods are answered to whoever asks, by their paths. None of ours ever is. */
export function isPublic({
  publicReflection,
  publicHealth,
}: Pick<AuthConfig, "publicReflection" | "publicHealth">): (path: string) => boolean {
  return (path) =>
    (publicReflection && path.startsWith("/grpc.reflection.")) ||
    (publicHealth && path.startsWith("/grpc.health."));
}
