import { config } from "chai";

// Without proxies, which only report misspelled names, as the type checker does.
config.useProxy = false;
