import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoreSource } from '../engine.ts';
import type { PostgresIndex } from './backup-index.ts';
import type { Inventory } from './inventory.ts';
import { isPartial } from './pattern.ts';
import type { DatabaseProperties } from './properties.ts';
import { globalsStream } from './stream-name.ts';

/** A database of a backup, as far as a restore needs to know it. */
export interface BackupDatabase {
  name: string;
  stream: string;
  size: number | null;
  /** Null where the index says nothing: then the server's defaults stand. */
  properties: DatabaseProperties | null;
  inventory: Inventory | null;
}

/** A backup, opened for a restore. */
export interface BackupContents {
  databases: BackupDatabase[];
  /** Stream of `pg_dumpall --globals-only`; null where the backup has none. */
  globals: string | null;
  /** Whether only a part was taken, so that what is missing was never there. */
  partial: boolean;
  schemaOnly: boolean;
  /** The major version of pg_dump that wrote the archives. */
  archiveMajor: number;
}

/** Reads manifest and index. @throws BackupctlError unsupported for a backup that is none of PostgreSQL's dumps */
export async function readBackup(source: RestoreSource): Promise<BackupContents> {
  const { manifest } = source;
  if (manifest.engine !== 'postgres' || manifest.method !== 'logical') {
    throw new BackupctlError(
      'unsupported',
      `backup ${manifest.id} is a ${manifest.method} one of ${manifest.engine}, which PostgreSQL cannot read`,
    );
  }
  const index = (await source.index('index')) as Partial<PostgresIndex> | null;
  const described = new Map((index?.databases ?? []).map((database) => [database.name, database]));
  const selection = index?.selection ?? {};
  if (selection.data_only === true) {
    throw new BackupctlError('refused', 'the backup holds rows alone, for tables that are there already', {
      hint: `\`backupctl backup-show ${manifest.id} --how-to-restore\` prints the commands that put them into a database`,
    });
  }
  return {
    databases: manifest.contents.map(({ name, stream, size }) => ({
      name,
      stream,
      size,
      properties: described.get(name)?.properties ?? null,
      inventory: described.get(name)?.inventory ?? null,
    })),
    globals: manifest.objects.some((object) => object.stream === globalsStream) ? globalsStream : null,
    partial: isPartial(selection),
    schemaOnly: selection.schema_only === true,
    archiveMajor: archiveMajor(source),
  };
}

function archiveMajor({ manifest }: RestoreSource): number {
  const needed = manifest.tools.find((tool) => tool.name === 'pg_restore' && tool.role === 'needed');
  const major = Number.parseInt(needed?.version ?? manifest.engine_version, 10);
  return Number.isNaN(major) ? 0 : major;
}
