#!/usr/bin/env bash
# Installs what `npm run test:e2e:poolers` needs and this machine lacks: PgBouncer and Pgpool, as packages of Debian.
set -euo pipefail
packages=(pgbouncer pgpool2)
dpkg --status "${packages[@]}" >/dev/null 2>&1 ||
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null || {
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
}
