// Loads TypeScript in every thread. On Node.js 20, importing "tsx" does so in the main thread only.
import { register } from "tsx/esm/api";

register();
