#!/bin/sh
# Makes the virtual environment in which the oracle runs, in the project's cache, unless it is there: Python 3.11 or so.
# Nothing of the product uses it: only `npm run prove -- workbooks`, and whoever records cases.
# An environment that BACKUPCTL_MISTRAL_VENV names belongs to whoever named it: it is never made, mended or removed here.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/scripts/cache.sh"
works() {
  "$1/bin/python" -c 'import collections.abc, mistral.lang.parser, yaql' >/dev/null 2>&1
}
if [ -n "${BACKUPCTL_MISTRAL_VENV:-}" ]; then
  works "$BACKUPCTL_MISTRAL_VENV" && exit 0
  echo "prove: BACKUPCTL_MISTRAL_VENV=$BACKUPCTL_MISTRAL_VENV has no Mistral that works" >&2
  exit 1
fi
venv=$BACKUPCTL_CACHE/mistral-venv
packages='mistral==23.0.0 yaql==3.2.0 oslotest testtools fixtures stestr'
# The stamp is written last, and only here: a folder without it is what an interrupted run of this script left.
if [ -f "$venv/.made" ]; then exit 0; fi
command -v python3 >/dev/null || {
  echo 'prove: python3 is missing; the oracle of workbooks is a Python program' >&2
  exit 1
}
mkdir -p "$BACKUPCTL_CACHE/logs"
log=$BACKUPCTL_CACHE/logs/mistral-venv.log
echo "  fetching Mistral from PyPI into $venv …"
# shellcheck disable=SC2086 # one word a package
if { python3 -m venv --clear "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check $packages; } >"$log" 2>&1 &&
  works "$venv"; then
  : >"$venv/.made"
else
  echo "prove: Mistral could not be had: $(tail -n 1 "$log") (all of it: $log)" >&2
  exit 1
fi
