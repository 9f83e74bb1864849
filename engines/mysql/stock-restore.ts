import type { Manifest } from '../../repository/manifest.ts';
import { oneLine, openedStream, shellWord } from '../stock.ts';
import { quoteIdentifier } from './quote.ts';
import { globalsStream, objectsStream } from './stream-name.ts';

/**
 * Shell commands that restore a backup with `age`, `zstd` and the server's own client, from a copy of the objects in the
 * current folder. How to connect stands in `~/.my.cnf`.
 */
export function stockRestore(manifest: Manifest): string[] {
  const needed = manifest.tools.find((tool) => tool.role === 'needed');
  const program = needed?.name ?? 'mariadb';
  // An older client stops at the first line of newer dumps, which tells a newer one to run no commands.
  const plain = `sed '1{/^.*999999.- enable the sandbox/d;}'`;
  const client = `${program} --binary-mode --local-infile=0 --comments --max-allowed-packet=1G --default-character-set=utf8mb4`;
  const collations = (manifest.details.collations ?? {}) as Record<string, string>;
  const has = (stream: string) => manifest.objects.some((object) => object.stream === stream);
  const lines = [
    'set -e -o pipefail',
    `# ${program} ${needed?.version ?? ''} or newer; it connects as ~/.my.cnf says: [client] with host, port, user, password`,
  ];
  if (has(globalsStream)) {
    lines.push(
      '# users, roles and grants; an error for each one that exists already is to be expected',
      `{ ${openedStream(manifest, globalsStream)}; } | ${client} --force || true`,
    );
  }
  if (isDataOnly(manifest)) return [...lines, ...rowsAlone(manifest, client, plain)];
  for (const { name, stream } of manifest.contents) {
    const database = shellWord(name);
    const collation = collations[name];
    const create = `CREATE DATABASE ${quoteIdentifier(name)}${collation === undefined ? '' : ` COLLATE ${collation}`}`;
    lines.push(
      `# database ${oneLine(name)}`,
      `${client} -e ${shellWord(create)}`,
      `{ ${openedStream(manifest, stream)}; } | ${plain} | ${client} --database=${database}`,
    );
    if (has(objectsStream(name))) {
      lines.push(`{ ${openedStream(manifest, objectsStream(name))}; } | ${client} --database=${database}`);
    }
  }
  return lines;
}

function isDataOnly({ details }: Manifest): boolean {
  const { selection } = (details ?? {}) as { selection?: { data_only?: boolean } };
  return selection?.data_only === true;
}

/**
 * All or nothing for each database: only behind the last row are they committed, and where anything ends before, the
 * client leaves without that. No session can turn triggers off, so that they must not be there.
 */
function rowsAlone(manifest: Manifest, client: string, plain: string): string[] {
  const firing =
    "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE() AND EVENT_MANIPULATION = 'INSERT'";
  return [
    '# rows alone: the tables have to be there, and empty; of tables that know no transactions, some stay where it fails',
    ...manifest.contents.flatMap(({ name, stream }) => {
      const on = `${client} --database=${shellWord(name)}`;
      return [
        `# database ${oneLine(name)}; without its first line, triggers fire for each row`,
        `[ "$(${on} --batch --skip-column-names -e ${shellWord(firing)})" = 0 ] || { echo ${shellWord(`triggers on inserts stand in ${oneLine(name)}: drop them, and make them again afterwards`)} >&2; exit 1; }`,
        `{ echo 'SET autocommit = 0;' && { ${openedStream(manifest, stream)}; } | ${plain} && echo 'COMMIT;'; } | ${on}`,
        `{ ${openedStream(manifest, objectsStream(name))}; } | ${on}`,
      ];
    }),
  ];
}
