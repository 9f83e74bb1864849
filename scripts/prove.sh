#!/bin/sh
# The proofs that take longer than a test may: set-up, then prove/main.ts.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/cache.sh"
sh "$root/scripts/setup.sh" bench
exec "$BACKUPCTL_CACHE/node-24/bin/node" --disable-warning=ExperimentalWarning "$root/prove/main.ts" "$@"
