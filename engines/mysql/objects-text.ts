import type { InventorySequence } from './inventory.ts';
import type { StoredObject } from './objects.ts';
import { quoteIdentifier, quoteLiteral } from './quote.ts';

const header = '-- backupctl: ';
const brokenHeader = '-- backupctl, a view that did not work at the source: ';
const trailer = '-- backupctl: whole';

/** The session settings under which an object means what it meant. */
export function settingsFor(object: StoredObject): string {
  // Text that was typed in another character set is Unicode here: only where the two cannot differ, the old one is set.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for
  const ascii = /^[\x00-\x7f]*$/.test(object.statement);
  const charset = ascii ? object.charset : 'utf8mb4';
  const zone = object.time_zone === null ? '' : `, time_zone = ${quoteLiteral(object.time_zone)}`;
  return `SET SESSION sql_mode = ${quoteLiteral(object.sql_mode)}, character_set_client = ${charset}, collation_connection = ${object.collation}${zone}`;
}

/**
 * The text of a stream of objects: for the stock client, with delimiters that no statement holds; for us, each statement
 * under a comment in JSON that says what it is and how many lines it has.
 */
export function formatObjects(objects: readonly StoredObject[]): string {
  const lines = [
    '-- Views, routines, triggers and events; the tables have to be there. For the stock client: mariadb --comments',
    'SET @backupctl_time_zone = @@time_zone, @backupctl_sql_mode = @@sql_mode;',
    'SET NAMES utf8mb4;',
  ];
  for (const { name, columns = [], broken } of objects) {
    // Views may depend on each other in any order: something has to bear their names and columns before.
    if (columns.length === 0 || broken === true) continue;
    // A line of its own within a name could pass for one of our headers.
    if ([name, ...columns].some((text) => /[\r\n]/.test(text))) continue;
    const nothing = columns.map((column) => `NULL AS ${quoteIdentifier(column)}`).join(', ');
    lines.push(`CREATE OR REPLACE VIEW ${quoteIdentifier(name)} AS SELECT ${nothing};`);
  }
  for (const object of objects) {
    if (object.broken === true) {
      // What cannot be made would end the client in the middle: its text stays, as a comment.
      lines.push(`${brokenHeader}${JSON.stringify(object)}`);
      continue;
    }
    const statement = object.kind === 'view' ? replaceView(object.statement) : object.statement;
    const { statement: _, columns: __, ...described } = object;
    const delimiter = delimiterFor(statement);
    lines.push(
      `${header}${JSON.stringify({ ...described, lines: statement.split('\n').length })}`,
      `${settingsFor(object)};`,
      `DELIMITER ${delimiter}`,
      ...statement.split('\n'),
      delimiter,
      'DELIMITER ;',
    );
  }
  lines.push(
    'SET NAMES utf8mb4;',
    'SET time_zone = @backupctl_time_zone, sql_mode = @backupctl_sql_mode;',
    trailer,
    '',
  );
  return lines.join('\n');
}

/** The same stream of a backup of rows alone: it puts the sequences, which have to be there, to what they would give next. */
export function formatSequences(sequences: readonly InventorySequence[]): string {
  return [
    '-- Values of sequences, which have to be there. For the stock client: mariadb --comments',
    'SET NAMES utf8mb4;',
    ...sequences.map(
      ({ name, next_value }) => `ALTER SEQUENCE ${quoteIdentifier(name)} RESTART ${BigInt(next_value)};`,
    ),
    trailer,
    '',
  ].join('\n');
}

/** Reads what {@link formatObjects} wrote. @throws Error where the text was cut */
export function parseObjects(text: string): StoredObject[] {
  const lines = text.split('\n');
  if (lines.at(-2) !== trailer) throw new Error('the stream of objects has no end');
  const objects: StoredObject[] = [];
  for (let n = 0; n < lines.length - 2; n += 1) {
    const line = lines[n] ?? '';
    if (line.startsWith(brokenHeader)) {
      objects.push(JSON.parse(line.slice(brokenHeader.length)) as StoredObject);
      continue;
    }
    if (!line.startsWith(`${header}{`)) continue;
    const { lines: count, ...described } = JSON.parse(line.slice(header.length)) as Omit<
      StoredObject,
      'statement'
    > & { lines: number };
    const begin = n + 3;
    objects.push({ ...described, statement: lines.slice(begin, begin + count).join('\n') });
    n = begin + count;
  }
  return objects;
}

function replaceView(statement: string): string {
  return statement.replace(/^CREATE (?!OR REPLACE)/i, 'CREATE OR REPLACE ');
}

function delimiterFor(statement: string): string {
  for (let n = 0; ; n += 1) {
    const delimiter = n === 0 ? '$$' : `$$${n}$$`;
    if (!statement.includes(delimiter)) return delimiter;
  }
}

const definer =
  /^(CREATE (?:OR REPLACE )?(?:AGGREGATE )?(?:ALGORITHM\s*=\s*\w+ )?)DEFINER\s*=\s*(?:`(?:[^`]|``)*`|'(?:[^']|'')*'|"(?:[^"]|"")*"|[^\s@]+)(?:@(?:`(?:[^`]|``)*`|'(?:[^']|'')*'|"(?:[^"]|"")*"|\S+))? /i;

/** The statement so that whoever runs it becomes the definer. */
export function withoutDefiner(statement: string): string {
  return statement.replace(definer, '$1');
}

/** The statement of an event so that it is made without running. */
export function disabled(statement: string): string {
  // The server writes the clauses of an event in this order; names and texts before are quoted.
  return statement.replace(
    /^((?:[^`']|`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*')*? ON COMPLETION (?:NOT )?PRESERVE )(?:ENABLE|DISABLE ON (?:SLAVE|REPLICA)|DISABLE)(?= )/s,
    '$1DISABLE',
  );
}

/** Of objects whose text is free, those that seem to name a database: under another name they work on the first one still. */
export function naming(objects: readonly StoredObject[], database: string): string[] {
  const name = database.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const pattern = new RegExp(`(?:\`${name.replaceAll('`', '``')}\`|(?<![\\w$@\`])${name})\\s*\\.`, 'u');
  return objects
    .filter(({ kind, statement }) => kind !== 'view' && pattern.test(withoutDefiner(statement)))
    .map(({ kind, name: own }) => `${kind} ${own}`);
}

/**
 * A view's text for a database of another name. The server writes the name of a view's own database only where tables of
 * other ones take part, and always quotes it.
 */
export function renameDatabase(statement: string, from: string, to: string): string {
  const quoted = `${quoteIdentifier(from)}.`;
  return statement.replace(/'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`\.?/gs, (token) =>
    token === quoted ? `${quoteIdentifier(to)}.` : token,
  );
}
