import type { Attack } from "./attack.js";
import { connectionsAttack, slowAttack } from "./attacks/connections.js";
import { http1Attack } from "./attacks/http1.js";
import { http2FramesAttack } from "./attacks/http2-frames.js";
import { messageAttacks } from "./attacks/messages.js";
import { pathsAttack } from "./attacks/paths.js";
import { resetsAttack } from "./attacks/resets.js";
import { sizesAttack } from "./attacks/sizes.js";
import { standardServicesAttack } from "./attacks/standard-services.js";
import { textsAttack } from "./attacks/texts.js";
import { tokenTimingAttack } from "./attacks/token-timing.js";
import { rolesAttack, tokensAttack } from "./attacks/tokens.js";
import type { Trust } from "./support/trust.js";

/** Attacks on a service without authentication, in order. */
export const attacks: readonly Attack[] = [
  ...messageAttacks,
  standardServicesAttack,
  textsAttack,
  pathsAttack,
  http2FramesAttack,
  http1Attack,
  resetsAttack,
  sizesAttack,
  slowAttack,
  connectionsAttack,
];

/** Attacks on a service with authentication. */
export const attacksOnTrust = [
  ["tokens", tokensAttack],
  ["roles", rolesAttack],
  ["token-timing", tokenTimingAttack],
] as const satisfies readonly (readonly [name: string, create: (trust: Trust) => Attack])[];
