import { compressionLevel } from '../process/compression.ts';
import { findProgram } from '../process/find.ts';
import { Pipeline } from '../process/pipeline.ts';
import type { Position } from './backup-index.ts';
import type { ToolAccess } from './options-file.ts';
import { isOlder, type ServerFacts } from './server.ts';
import type { MysqlTools } from './tools.ts';

/** What is learned from the dump's own text as it passes: the structure alone, never a row. */
export class DumpText {
  /** Rows by table; a table that is dumped without rows has 0. */
  readonly rows = new Map<string, number>();
  /** Tables whose structure came; where `counts` is false, nobody looks. */
  readonly tables = new Set<string>();
  /** Whether the trailer was the last that came. */
  whole = false;
  /** Whether `rows` are exact: where the program writes each row into a line of its own. */
  readonly counts: boolean;
  /** Whether no structure is to come, only rows under a comment for each table. */
  readonly #rowsAlone: boolean;
  #file: string | null = null;
  #offset = 0;
  #gtid: string | null = null;
  #open: { table: string; line: number; rows: number } | null = null;

  constructor({ counts, rowsAlone }: { counts: boolean; rowsAlone: boolean }) {
    this.counts = counts;
    this.#rowsAlone = rowsAlone;
  }

  get position(): Position | null {
    return this.#file === null ? null : { file: this.#file, position: this.#offset, gtid: this.#gtid };
  }

  /** A line of `grep -no`: its number and the part that matched. */
  readonly line = (text: string): void => {
    const colon = text.indexOf(':');
    const at = Number(text.slice(0, colon));
    const words = text.slice(colon + 1);
    // Rows are the lines between an INSERT and the next line of any other kind.
    if (this.#open !== null) {
      const { table, line, rows } = this.#open;
      // Where nothing else follows the rows of a table, an empty line and the comment of the next one do.
      const blank = words === '--' ? 1 : 0;
      this.rows.set(table, (this.rows.get(table) ?? 0) + rows + (at - line - 1 - blank));
      this.#open = null;
    }
    this.whole = /^-- Dump completed/.test(words);
    if (words.startsWith('INSERT ')) {
      const table = nameIn(words);
      // With a list of columns, the first row stands on the line of the INSERT itself.
      if (table !== null) this.#open = { table, line: at, rows: words.endsWith('VALUES') ? 0 : 1 };
      return;
    }
    if (words.startsWith('-- Table structure for table `')) {
      const table = nameIn(words);
      if (table !== null) this.tables.add(table);
    }
    if (this.#rowsAlone && words.startsWith('-- Dumping data for table `')) {
      const table = nameIn(words);
      if (table === null) return;
      this.tables.add(table);
      if (!this.rows.has(table)) this.rows.set(table, 0);
    }
    const log = /(?:MASTER|SOURCE)_LOG_FILE='([^']+)', (?:MASTER|SOURCE)_LOG_POS=(\d+)/.exec(words);
    if (log !== null) {
      this.#file = log[1] ?? null;
      this.#offset = Number(log[2]);
    }
    const gtid = /gtid_slave_pos='([^']*)'/.exec(words)?.[1];
    if (gtid !== undefined && gtid !== '') this.#gtid = gtid;
    if (words.startsWith('/*!40000 ALTER TABLE')) {
      const table = nameIn(words);
      if (table !== null && !this.rows.has(table)) this.rows.set(table, 0);
    }
  };
}

function nameIn(words: string): string | null {
  const quoted = /`((?:[^`]|``)*)`/.exec(words)?.[1];
  return quoted === undefined ? null : quoted.replaceAll('``', '`');
}

/** What of a dump's text is looked at: rows begin with a parenthesis, and are none of these. */
const structure = [
  '^INSERT INTO `([^`]|``)*` (VALUES$)?',
  '^(--|/\\*!40000 ALTER|/\\*!40103 SET TIME_ZONE=@OLD|/\\*M!101100 SET|commit;|UNLOCK).*',
];

/**
 * The programs of a dump: it passes through `tee` into zstd, and into a look at its structure (counts, position, trailer).
 * `finished` of the pipeline rejects when any of them fails.
 */
export async function startDump(options: {
  tools: MysqlTools;
  access: ToolAccess;
  args: readonly string[];
  text: DumpText;
  scratch: string;
  signal: AbortSignal;
}): Promise<Pipeline> {
  const { tools, access, args, text, scratch, signal } = options;
  const [tee, zstd] = [await findProgram('tee'), await findProgram('zstd')];
  return Pipeline.start({
    scratch,
    signal,
    stages: [
      {
        name: tools.dumpName,
        command: tools.dump,
        args: [access.argument, ...args],
        env: access.env,
        secrets: access.secrets,
        stdout: { pipe: 'dump' },
      },
      {
        name: 'tee',
        command: tee,
        args: ['/dev/fd/3'],
        stdin: { pipe: 'dump' },
        stdout: { pipe: 'check' },
        extra: { pipe: 'compress' },
      },
      // Lines of MySQL's own program are statements of a megabyte, rows and all: there the end is all that is looked at.
      text.counts
        ? {
            name: 'grep',
            command: await findProgram('grep'),
            args: ['-a', '-n', '-o', '-E', ...structure.flatMap((pattern) => ['-e', pattern])],
            env: { LC_ALL: 'C' },
            stdin: { pipe: 'check' },
            stdout: { lines: text.line },
          }
        : {
            name: 'head and tail',
            command: '/bin/sh',
            args: [
              '-c',
              `first=$(head -c 4096; printf x); first=\${first%x}
printf '%s' "$first" | grep -aE '^(--|/\\*)' | sed 's/^/0:/'
{ printf '%s' "$first"; cat; } | tail -c 256 | grep -a '^-- Dump' | sed 's/^/0:/'; true`,
            ],
            env: { LC_ALL: 'C' },
            stdin: { pipe: 'check' },
            stdout: { lines: text.line },
          },
      {
        name: 'zstd',
        command: zstd,
        args: ['-q', compressionLevel, '--check', '-c'],
        stdin: { pipe: 'compress' },
        stdout: 'stream',
      },
    ],
  });
}

/** Whether the program writes each row into a line of its own: so newer ones of MariaDB do. */
export function writesRowsInLines(tools: MysqlTools): boolean {
  return tools.flavour === 'mariadb' && !isOlder(tools.numbers, [10, 11]);
}

/** What of tables is taken: definitions and rows, or one of them. */
export type Taking = 'all' | 'definitions' | 'rows';

/** Words of the dump program that say what a dump is. */
export function dumpArguments(options: {
  server: ServerFacts;
  tools: MysqlTools;
  database: string;
  executionId: string;
  taking: Taking;
  position: boolean;
}): string[] {
  const { server, tools, database, executionId, taking, position } = options;
  const mariadb = tools.flavour === 'mariadb';
  const history = takesHistory(server, tools);
  // Programs of 5.7 do not know it, and 8.0 would ask for histograms.
  const statistics = isOlder(tools.numbers, [8]) ? [] : ['--column-statistics=0'];
  const source = mariadb || isOlder(tools.numbers, [8, 0, 26]) ? '--master-data=2' : '--source-data=2';
  return [
    '--single-transaction',
    '--quick',
    '--skip-lock-tables',
    '--skip-add-locks',
    '--hex-blob',
    '--default-character-set=utf8mb4',
    '--tz-utc',
    '--max-allowed-packet=1G',
    // What is made after the tables has a stream of its own.
    '--skip-triggers',
    '--skip-routines',
    '--skip-events',
    ...(taking === 'definitions' ? ['--no-data'] : [`--where=1 /* backupctl/${executionId} */`]),
    // Rows go by the names of columns, since the table that they come to may have another order; and without a change of
    // its keys, which would commit those that are there already.
    ...(taking === 'rows' ? ['--no-create-info', '--complete-insert', '--skip-disable-keys'] : []),
    ...(position ? [source, ...(mariadb ? ['--gtid'] : [])] : []),
    ...(history && taking !== 'definitions' ? ['--dump-history'] : []),
    ...(mariadb ? [] : ['--set-gtid-purged=OFF', '--no-tablespaces', ...statistics]),
    '--',
    database,
  ];
}

/** Whether the history of system-versioned tables can be dumped and brought back. */
export function takesHistory(server: ServerFacts, tools: MysqlTools): boolean {
  return (
    server.flavour === 'mariadb' && !isOlder(server.numbers, [10, 11]) && !isOlder(tools.numbers, [10, 11])
  );
}
