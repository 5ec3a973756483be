#!/usr/bin/env bash
# Runs a command with TEST_DATABASE_URL of a server of Debian's PostgreSQL, and stops the server.
#
#   on-debian-postgres.sh COMMAND...
set -euo pipefail
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || {
  apt-get update -qq
  apt-get install -y -qq postgresql >/dev/null
}
bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)")
# In memory where there is room: tests create hundreds of databases.
shared_memory_kb=$(df --output=avail /dev/shm 2>/dev/null | tail -n 1 || echo 0)
folder=$(mktemp -d -p "$([ "$shared_memory_kb" -gt 2000000 ] && echo /dev/shm || echo /tmp)")
port=54329
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
stop() {
  as_postgres "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null || true
  rm -rf "$folder"
}

chown postgres "$folder"
as_postgres "$bin/initdb" -D "$folder/data" --auth=trust --no-sync >/dev/null
trap stop EXIT
as_postgres "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w start >/dev/null \
  -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=300"
"$bin/postgres" --version
TEST_DATABASE_URL=postgres://postgres@127.0.0.1:$port/postgres "$@"
