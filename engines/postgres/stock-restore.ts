import type { Manifest } from '../../repository/manifest.ts';
import { oneLine, openedStream, shellWord } from '../stock.ts';
import { conninfo } from './passfile.ts';
import { globalsStream } from './stream-name.ts';

/**
 * Shell commands that restore a backup with `age`, `zstd` and PostgreSQL's own programs, from a copy of the objects in
 * the current folder. They connect by the environment (PGHOST, PGUSER …).
 */
export function stockRestore(manifest: Manifest): string[] {
  const opened = (stream: string) => openedStream(manifest, stream);
  const needed = manifest.tools.find((tool) => tool.role === 'needed' && tool.name === 'pg_restore')?.version;
  const lines = ['set -e -o pipefail', `# pg_restore ${needed ?? ''} or newer`];
  if (manifest.objects.some((object) => object.stream === globalsStream)) {
    lines.push(
      '# roles and tablespaces; an error for each one that exists already is to be expected',
      `{ ${opened(globalsStream)}; } | psql -X -d postgres`,
    );
  }
  if (isDataOnly(manifest)) return [...lines, ...rowsAlone(manifest)];
  for (const { name, stream } of manifest.contents) {
    const target = name === 'postgres' || name === 'template1' ? '' : ' --create';
    const database = target === '' ? conninfo(name) : 'postgres';
    const clean = target === '' ? ' --clean --if-exists' : '';
    lines.push(
      `# database ${oneLine(name)}`,
      `{ ${opened(stream)}; } | pg_restore --exit-on-error${target}${clean} --dbname=${shellWord(database)}`,
    );
  }
  return lines;
}

function isDataOnly({ details }: Manifest): boolean {
  const { selection } = (details ?? {}) as { selection?: { data_only?: boolean } };
  return selection?.data_only === true;
}

/** All or nothing for each database: a row that cannot be put in takes the others back. */
function rowsAlone(manifest: Manifest): string[] {
  return [
    '# rows alone: the tables have to be there, and empty; without --disable-triggers for who is no superuser',
    ...manifest.contents.flatMap(({ name, stream }) => [
      `# database ${oneLine(name)}`,
      `{ ${openedStream(manifest, stream)}; } | pg_restore --exit-on-error --single-transaction --data-only --disable-triggers --dbname=${shellWord(conninfo(name))}`,
    ]),
  ];
}
