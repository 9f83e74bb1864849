import type { Manifest } from '../../repository/manifest.ts';
import type { Selection } from '../engine.ts';
import { oneLine, openedStream, shellWord } from '../stock.ts';

/**
 * Shell commands that restore a backup with `age`, `zstd` and mongorestore, from a copy of the objects in the current
 * folder. They connect as the file that MONGO_CONFIG names says: `uri: "mongodb://…"`, and `password: "…"` where there is
 * a user.
 */
export function stockRestore(manifest: Manifest): string[] {
  const needed = manifest.tools.find(
    ({ role, name }) => role === 'needed' && name === 'mongorestore',
  )?.version;
  const ferret = manifest.details.product === 'FerretDB';
  const whole = manifest.details.one_instant === true && !ferret;
  const { schema_only } = (manifest.details.selection ?? {}) as Selection;
  const lines = [
    'set -e -o pipefail',
    ...(schema_only === true ? ['# without documents: collections come back empty'] : []),
    `# mongorestore ${needed ?? ''} or newer; MONGO_CONFIG names a file (mode 0600) with two lines: uri: "mongodb://…" and password: "…"`,
  ];
  for (const stream of new Set(manifest.contents.map((content) => content.stream))) {
    const databases = manifest.contents.filter((content) => content.stream === stream);
    const what = whole
      ? ' --oplogReplay'
      : databases.map(({ name }) => ` --nsInclude=${shellWord(`${name}.*`)}`).join('');
    lines.push(
      `# ${databases.map(({ name }) => `database ${oneLine(name)}`).join(', ')}`,
      `{ ${openedStream(manifest, stream)}; } | mongorestore --config="$MONGO_CONFIG" --archive --stopOnError${ferret ? ' --noIndexRestore' : ''}${what}`,
    );
  }
  if (ferret) {
    const index = manifest.objects.find(({ role }) => role === 'index')?.stream;
    if (index !== undefined) {
      lines.push(
        '# FerretDB refuses what mongorestore says of indexes: make them with mongosh (db.COLLECTION.createIndexes). They stand in the index, under "metadata":',
        `# ${openedStream(manifest, index)}`,
      );
    }
  }
  if (whole) {
    lines.push(
      '# to leave users and roles as they are, or to restore into other names: without --oplogReplay, with --nsInclude=DB.* or --nsFrom and --nsTo; then what changed while the dump ran is not done again',
    );
  }
  return lines;
}
