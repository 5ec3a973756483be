#!/usr/bin/env bash
# Installs what the examples are built with and this machine lacks, as packages of Debian. Go and Rust
# have to be there: Debian's are too old.
set -euo pipefail
packages=()
command -v javac >/dev/null || packages+=(default-jdk-headless)
command -v mvn >/dev/null || packages+=(maven)
python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3 python3-venv)
if [ "${#packages[@]}" -gt 0 ]; then
  apt-get update -qq
  apt-get install -y -qq "${packages[@]}" >/dev/null
fi
for command in go cargo javac mvn python3; do
  command -v "$command"
done
