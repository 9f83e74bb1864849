#!/bin/sh
# Puts what the demo, the tests and the benchmark need into one cache folder (BACKUPCTL_CACHE), pinned by pins.txt.
#
#   sh scripts/setup.sh [demo | demo-mongodb | demo-mysql | test | bench]      default: test, which holds all that the demo needs
#
# Idempotent: a part whose stamp names its pin is ready. Safe against a second one at once (a lock) and against an
# interruption (parts are made under a temporary name and renamed; the stamp is written last).
set -eu
umask 022

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/scripts/cache.sh"
cache=$BACKUPCTL_CACHE
purpose=${1:-test}

case $purpose in
  demo) parts='node packages temporal postgres-18 zstd age' ;;
  demo-mongodb) parts='node packages temporal zstd age mongo-tools ferretdb' ;;
  demo-mysql) parts='node packages temporal zstd age mariadb' ;;
  test) parts='node packages temporal postgres-18 zstd age versitygw postgres-15 mariadb mongo-tools ferretdb' ;;
  bench) parts='node packages temporal postgres-18 zstd age versitygw postgres-15 mariadb mongo-tools ferretdb rclone restic' ;;
  *) echo "setup: '$purpose' is none of demo, test, bench" >&2; exit 2 ;;
esac

# What a few tests inject faults with: without it they are skipped, and say so. Only had where that asks nobody.
optional=''
if [ "${purpose#demo}" = "$purpose" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  optional='faketime strace docker-compose'
  if [ "$purpose" = test ]; then optional="$optional promtool"; fi
fi

case $(uname -s) in
  Linux) platform=linux ;;
  Darwin) platform=darwin ;;
  *) echo "setup: this system, $(uname -s), is not known; Linux and macOS are" >&2; exit 13 ;;
esac
case $(uname -m) in
  x86_64 | amd64) platform=$platform-x64 ;;
  aarch64 | arm64) platform=$platform-arm64 ;;
esac

. "$root/scripts/setup-parts.sh"

if ! mkdir -p "$cache/bin" "$cache/stamps" "$cache/logs" "$cache/bundles" 2>/dev/null; then
  echo "setup: cannot create $cache; name another folder by BACKUPCTL_CACHE" >&2
  exit 13
fi

missing=''
if ! all_ready; then
  lock
  # What an interrupted set-up left; nobody else is at work while we hold the lock.
  rm -rf "$cache/tmp"
  mkdir -p "$cache/tmp"
  trap 'rm -rf "$cache/tmp"; unlock' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  for part in $parts; do
    if ready "$part"; then
      say "$part" ready
    elif ! install_part "$part"; then
      missing="$missing $part"
    fi
  done
  for part in $optional; do
    ready "$part" || install_part "$part" || echo "  without $part some tests are skipped"
  done
else
  for part in $parts; do say "$part" ready; done
fi

if [ -n "$missing" ]; then
  echo "setup: missing:$missing (see above); the rest is in $cache" >&2
  exit 13
fi
