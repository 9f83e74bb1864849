#!/bin/sh
# Everything that `npm test` promises: set-up, types, lint, all tests; ends with `N passed, N failed`.
# Further words go to vitest (`npm test -- test/unit`), which then runs those files only.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
. "$root/scripts/cache.sh"
if ! sh "$root/scripts/setup.sh" test; then
  echo 'the set-up failed, so nothing could be tested'
  echo '0 passed, 1 failed'
  exit 1
fi
PATH=$BACKUPCTL_CACHE/node-24/bin:$root/node_modules/.bin:$BACKUPCTL_CACHE/bin:$PATH
export PATH
exec node --disable-warning=ExperimentalWarning "$root/scripts/test.ts" "$@"
