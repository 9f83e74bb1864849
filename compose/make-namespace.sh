#!/bin/sh
# Makes the namespace where it is missing; executions stay listed for 90 days. The worker adds the search attributes.
set -eu

temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention 90d
