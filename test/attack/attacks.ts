import type { Attack } from "./attack.js";
import { http1Attack } from "./attacks/http1.js";
import { http2FramesAttack } from "./attacks/http2-frames.js";
import { messageAttacks } from "./attacks/messages.js";

/** In the order in which they are carried out. */
export const attacks: readonly Attack[] = [...messageAttacks, http2FramesAttack, http1Attack];
