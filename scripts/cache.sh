# Sourced by the scripts beside it: sets and exports BACKUPCTL_CACHE, the one folder that the set-up fills.
# As root it lies where unprivileged servers can read it. bin/backupctl finds it by the same rule.
if [ -z "${BACKUPCTL_CACHE:-}" ]; then
  if [ "$(id -u)" = 0 ]; then
    BACKUPCTL_CACHE=/var/cache/backupctl
  elif [ "$(uname)" = Darwin ]; then
    BACKUPCTL_CACHE=$HOME/Library/Caches/backupctl
  else
    BACKUPCTL_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/backupctl
  fi
fi
export BACKUPCTL_CACHE
