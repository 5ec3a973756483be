#!/usr/bin/env bash
# Installs what `npm run test:e2e:fault-injection` needs beside Go and root, and this machine lacks: libfaketime.
set -euo pipefail
package=libfaketime=0.9.10-2.1
dpkg --status libfaketime >/dev/null 2>&1 ||
  apt-get install -y -qq --no-install-recommends "$package" >/dev/null || {
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "$package" >/dev/null
}
