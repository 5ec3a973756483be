import type { Attack } from "./attack.js";
import { messageAttacks } from "./attacks/messages.js";

/** In the order in which they are carried out. */
export const attacks: readonly Attack[] = [...messageAttacks];
