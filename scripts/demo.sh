#!/bin/sh
# The main job on real parts: set-up, then demo.ts.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/cache.sh"
began=$(date +%s)
# The servers of the other engines are had only where they are shown.
case "$*" in
  *mongodb) purpose=demo-mongodb ;;
  *mysql) purpose=demo-mysql ;;
  *) purpose=demo ;;
esac
echo 'Set-up: what the demo needs, in one folder that you can delete'
echo "  $BACKUPCTL_CACHE"
sh "$root/scripts/setup.sh" "$purpose"
BACKUPCTL_DEMO_SETUP_SECONDS=$(($(date +%s) - began))
export BACKUPCTL_DEMO_SETUP_SECONDS
exec "$BACKUPCTL_CACHE/node-24/bin/node" --disable-warning=ExperimentalWarning "$root/scripts/demo.ts" "$@"
