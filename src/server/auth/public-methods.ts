import type { AuthConfig } from "../../config/auth-config.js";

/**
 * Returns a predicate for the paths of methods that need no token: reflection and health, as
 * configured. Methods of our own services always need one.
 */
export function isPublic({
  publicReflection,
  publicHealth,
}: Pick<AuthConfig, "publicReflection" | "publicHealth">): (path: string) => boolean {
  return (path) =>
    (publicReflection && path.startsWith("/grpc.reflection.")) ||
    (publicHealth && path.startsWith("/grpc.health."));
}
