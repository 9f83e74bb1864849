#!/bin/sh
# Compiles into dist/ what the published package holds: JavaScript with its types, and the bundled workflows.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
. "$root/scripts/cache.sh"
PATH=$BACKUPCTL_CACHE/node-24/bin:$root/node_modules/.bin:$PATH
export PATH
rm -rf dist
tsc -p tsconfig.build.json
# dist/ is the root of what is compiled: the version is read there, and the bundle looked for.
node -e '
  const { name, version, type } = JSON.parse(fs.readFileSync("package.json", "utf8"));
  fs.writeFileSync("dist/package.json", `${JSON.stringify({ name, version, type }, null, 2)}\n`);
'
# The shipped workbooks, and those to learn from.
mkdir -p dist/workbooks/examples
cp workbooks/*.yaml dist/workbooks/
cp workbooks/examples/*.yaml dist/workbooks/examples/
node dist/worker/bundle-main.js dist/workflow-bundle.js
