import type { AuthConfig } from "../../config/auth-config.js";

/**
 * Returns a predicate for the paths of methods that need no token: reflection and health, as
 * configured. Methods of our own services always need one.
 */
export function isPublic({
  publicReflection,
  publicHealth,
}: Pick<AuthConfig, "publicReflection" | "publicHealth">): (path: string) => boolean {
  return (path) => (publicReflection && isReflection(path)) || (publicHealth && isHealth(path));
}

/**
 * Returns whether a method needs no role: any valid token may call reflection and health. They reveal
 * the contract and whether the service is serving, and probes have tokens of the platform.
 */
export function needsNoRole(path: string): boolean {
  return isReflection(path) || isHealth(path);
}

function isReflection(path: string): boolean {
  return path.startsWith("/grpc.reflection.");
}

function isHealth(path: string): boolean {
  return path.startsWith("/grpc.health.");
}
