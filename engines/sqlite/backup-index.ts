/** A table, view, index or trigger. */
export interface IndexedObject {
  kind: 'table' | 'virtual table' | 'view' | 'index' | 'trigger';
  name: string;
  /** Of a table; null where nothing here can count them (a virtual table whose module is not there). */
  rows: number | null;
}

/** What is in a database, as read from a copy that nobody writes. */
export interface Inventory {
  page_size: number;
  page_count: number;
  encoding: string;
  user_version: number;
  application_id: number;
  /** `wal`, or `delete` for any journal that is rolled back. */
  journal: 'wal' | 'delete';
  objects: IndexedObject[];
  /** SHA-256 of all definitions, sorted. */
  schema_sha256: string;
  /** Of `PRAGMA integrity_check`, twenty lines at most; empty where all is well. */
  damage: string[];
}

/** The document `index` of a backup of SQLite. */
export interface SqliteIndex {
  format: 1;
  engine: 'sqlite';
  sqlite_version: string;
  path: string;
  /** Of the file: permission bits, and owners by number. */
  mode: number;
  uid: number;
  gid: number;
  inventory: Inventory;
}

/** The stream that holds the database, as SQLite's own file. */
export const dataStream = 'database.sqlite.zst';
