#!/usr/bin/env -S node --no-allocation-site-pretenuring
import { runCommandLine } from "./cli/run-command-line.js";

void runCommandLine(process.argv.slice(2)).then((exitCode) => {
  if (exitCode !== 0) process.exit(exitCode);
});
