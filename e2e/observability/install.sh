#!/usr/bin/env bash
# Installs promtool, which `npm run test:e2e:observability` needs, into FOLDER, to be put on the PATH: out of
# Debian's package, which is not installed, since it would start a Prometheus.
#
#   install.sh FOLDER
set -euo pipefail
mkdir -p "$1"
folder=$(realpath "$1")
command -v promtool >/dev/null && exit

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
apt-get download -qq prometheus 2>/dev/null || { apt-get update -qq && apt-get download -qq prometheus; }
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
install usr/bin/promtool "$folder"
