#!/usr/bin/env bash
# Runs all suites, in four stages, and prints a table and the totals. A suite is a name and a command.
set -uo pipefail
cd "$(dirname "$0")/../.."
source scripts/ci/suites.sh

# Colour codes would prevent the parsing of the counts.
unset FORCE_COLOR
export NO_COLOR=1
export GIT_OPTIONAL_LOCKS=0
export NODE_VERSIONS="$scratch/node"
tools="$scratch/bin"
export PATH="$tools:$PATH"

tests=(
  "tests, as the README says" "npm ci && npm test"
)
installs=(
  "third-party tools are installed" "e2e/third-party/install.sh $tools"
  "tools for observability are installed" "e2e/observability/install.sh $tools"
  "tools for deployment are installed" "e2e/deployment/install.sh $tools"
  "tools for fault injection are installed" "e2e/fault-injection/install.sh"
  "poolers are installed" "e2e/poolers/install.sh"
  "toolchains of the examples are installed" "scripts/ci/install-toolchains.sh"
)

checks=(
  "generated code is fresh" "scripts/ci/is-fresh.sh proto:generate proto src/gen"
  "documents are fresh" "scripts/ci/is-fresh.sh docs:generate docs"
  "format and lint" "npm run --silent lint"
  "types" "npm run --silent typecheck"
  "contract is compatible with the commit before" 'BASE=$(git rev-parse HEAD^) npm run --silent proto:breaking'
  "service is built, once for all suites" "npx tsx scripts/ci/build.ts"
  "third-party tools, and a page in a browser" "npm run --silent test:e2e:third-party"
  "README's first minutes" "npm run --silent test:e2e:quickstart"
  "observability" "npm run --silent test:e2e:observability"
  "deployment, backup and upgrade" "npm run --silent test:e2e:deployment"
)
builds=(
  "other versions of Node.js are installed" "scripts/ci/install-node.sh 22 24 26"
  "examples are built" "npm run --silent test:e2e:examples -- --build"
)

# These suites measure no time, and mostly wait.
waits=(
  "examples in five languages" "npm run --silent test:e2e:examples"
  "slow tests" "npm run test:slow"
  "network delays" "npm run --silent test:e2e:network-delay"
  "connection poolers" "npm run --silent test:e2e:poolers"
  "real catalogue" "npm run --silent test:e2e:real-catalog"
  "published price files" "npm run --silent test:e2e:rate-sources"
)
nodes=(
  "what depends on Node.js, on Node 22" "scripts/ci/on-node.sh 22 scripts/ci/node-tests.sh"
  "what depends on Node.js, on Node 26" "scripts/ci/on-node.sh 26 scripts/ci/node-tests.sh"
)

# These suites take all processors, or their results depend on time. Each runs alone.
alone=(
  "tests on Node 24 and Debian's PostgreSQL" "scripts/ci/on-node.sh 24 scripts/ci/on-debian-postgres.sh npm test"
  "security fuzzing" "npm run --silent test:e2e:security"
  "resource limits" "npm run --silent test:e2e:resource-limits"
  "lost calls of each client library" "npm run --silent test:e2e:lost-calls"
  "fault injection" "npm run --silent test:e2e:fault-injection"
  "benchmarks, but for calls" "npm run --silent bench -- batches price-book allocations replicas transactions writes"
)

side_by_side tests installs
side_by_side checks builds
side_by_side waits nodes
one_by_one alone
print_totals tests installs checks builds waits nodes alone
