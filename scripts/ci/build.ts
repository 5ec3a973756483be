import { buildService } from "../../bench/support/build.js";

await buildService();
