import type { Selection } from '../engine.ts';
import type { Inventory } from './inventory.ts';
import type { Flavour } from './server.ts';

/** One database of a backup. */
export interface IndexedDatabase {
  name: string;
  /** `shop.sql.zst`: tables, sequences, rows. */
  stream: string;
  /** `shop.objects.zst`: views, routines, triggers, events. */
  objects_stream: string;
  /** Bytes at the source, as the server estimates them. */
  size: number;
  /** When its dump was begun (ISO 8601). */
  snapshot_at: string;
  /** Of its snapshot, where the log was on and the user may ask. */
  position: Position | null;
  collation: string;
  /**
   * What is inside. Of a backup of a part (`selection`), tables are those of the part, and `objects` counts what was taken.
   * With `schema_only`, `rows` are null. With `data_only` there are tables and sequences alone, for others of their names.
   */
  inventory: Inventory;
}

export interface Position {
  /** Of the binary log. */
  file: string;
  position: number;
  gtid: string | null;
}

/** The document `index` of a backup. */
export interface MysqlIndex {
  format: 1;
  engine: 'mysql';
  flavour: Flavour;
  server_version: string;
  selection: Selection;
  /** Bytes that a statement could have had at most, as far as the source let in. */
  max_allowed_packet: number;
  /** Users, roles and grants; null where only one database was asked for. */
  globals: { stream: string; users: number } | null;
  databases: IndexedDatabase[];
}
