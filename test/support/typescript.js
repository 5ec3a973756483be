// Loads TypeScript in every thread. "tsx" itself, imported, does so in the main thread only on Node 20.
import { register } from "tsx/esm/api";

register();
