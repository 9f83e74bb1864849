import type { Selection } from '../engine.ts';
import type { Inventory } from './inventory.ts';
import type { DatabaseProperties } from './properties.ts';

/** One database of a backup. */
export interface IndexedDatabase {
  name: string;
  /** `shop.pgc.zst` */
  stream: string;
  /** Bytes at the source. */
  size: number;
  /** When its snapshot was taken, by the server's clock (ISO 8601), and where the log stood. */
  snapshot_at: string;
  lsn: string | null;
  properties: DatabaseProperties;
  /**
   * What is inside. Of a backup of a part (`selection`), tables and sequences are those of the part, and `objects` counts
   * the whole database, which is not what a restore brings. With `schema_only`, `rows` are null.
   */
  inventory: Inventory;
}

/** The document `index` of a backup of PostgreSQL. */
export interface PostgresIndex {
  format: 1;
  engine: 'postgres';
  server_version: string;
  selection: Selection;
  /** Roles and tablespaces; null where only one database was asked for. */
  globals: { stream: string; passwords: boolean } | null;
  databases: IndexedDatabase[];
}
