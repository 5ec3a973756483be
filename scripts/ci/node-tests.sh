#!/usr/bin/env bash
# Tests what differs most between versions of Node.js: sockets, HTTP, streams, threads, processes.
set -euo pipefail
exec npm test -- test/server/{connections,http,threads} test/{cluster,embedded-postgres} \
  test/server/auth/tls.test.ts \
  test/server/{listeners,cancelled-calls,message-size,stream-idle-timeout,graceful-shutdown}.test.ts \
  test/rpc/allocation/stream-client-behaviour.test.ts test/rpc/import/import-client-behaviour.test.ts \
  test/cli/{commands,connection-errors,export}.test.ts
