import { BackupctlError } from '../../errors/backupctl-error.ts';

/** Of `--include` and `--exclude`: a database, or a collection of one. */
export interface Pattern {
  text: string;
  database: RegExp;
  /** Null: the whole database. */
  collection: RegExp | null;
}

/**
 * Reads `DB` or `DB.COLLECTION`; `*` stands for any letters, `?` for one, a backslash in front of either for the letter
 * itself. A database has no dot in its name, so that the first one parts the two.
 * @throws BackupctlError usage
 */
export function parsePattern(text: string): Pattern {
  const dot = text.indexOf('.');
  const database = dot === -1 ? text : text.slice(0, dot);
  const collection = dot === -1 ? null : text.slice(dot + 1);
  if (database === '' || collection === '' || text.includes('\0')) {
    throw new BackupctlError('usage', `the pattern ${JSON.stringify(text)} cannot be read`, {
      hint: 'write DATABASE or DATABASE.COLLECTION; * and ? stand for letters',
    });
  }
  return {
    text,
    database: matching(database),
    collection: collection === null ? null : matching(collection),
  };
}

function matching(text: string): RegExp {
  const source = text.replace(/\\[*?\\]|[\s\S]/gu, (piece) => {
    if (piece === '*') return '.*';
    if (piece === '?') return '.';
    const letter = piece.length > 1 && piece.startsWith('\\') ? piece.slice(1) : piece;
    return letter.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
  });
  return new RegExp(`^(?:${source})$`, 'su');
}

/** Which collections a selection takes. @throws BackupctlError usage */
export function selects(selection: {
  include?: readonly string[];
  exclude?: readonly string[];
}): (database: string, collection: string) => boolean {
  const include = (selection.include ?? []).map(parsePattern);
  const exclude = (selection.exclude ?? []).map(parsePattern);
  const fits = (pattern: Pattern, database: string, collection: string) =>
    pattern.database.test(database) && (pattern.collection === null || pattern.collection.test(collection));
  return (database, collection) =>
    (include.length === 0 || include.some((pattern) => fits(pattern, database, collection))) &&
    !exclude.some((pattern) => fits(pattern, database, collection));
}

export function isPartial(selection: { include?: readonly string[]; exclude?: readonly string[] }): boolean {
  return (selection.include ?? []).length > 0 || (selection.exclude ?? []).length > 0;
}
