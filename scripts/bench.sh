#!/bin/sh
# The benchmark: set-up, then the measurements against the tools that others use (docs/benchmarks.md).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/cache.sh"
sh "$root/scripts/setup.sh" bench
exec "$BACKUPCTL_CACHE/node-24/bin/node" --disable-warning=ExperimentalWarning "$root/bench/main.ts" "$@"
