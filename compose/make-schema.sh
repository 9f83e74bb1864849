#!/bin/sh
# Makes or updates the schema of Temporal's two databases. Safe to run again: a database that is there is only updated.
set -eu

for database in temporal temporal_visibility; do
  case $database in
    temporal) schema=/etc/temporal/schema/postgresql/v12/temporal/versioned ;;
    *) schema=/etc/temporal/schema/postgresql/v12/visibility/versioned ;;
  esac
  if temporal-sql-tool --db "$database" update-schema -d "$schema"; then
    continue
  fi
  temporal-sql-tool --db "$database" create
  temporal-sql-tool --db "$database" setup-schema -v 0.0
  temporal-sql-tool --db "$database" update-schema -d "$schema"
done
