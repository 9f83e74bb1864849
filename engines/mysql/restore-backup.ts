import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoreSource } from '../engine.ts';
import type { MysqlIndex } from './backup-index.ts';
import type { Inventory } from './inventory.ts';
import { isPartial } from './pattern.ts';
import type { Flavour } from './server.ts';
import { globalsStream, objectsStream } from './stream-name.ts';

/** A database of a backup, as far as a restore needs to know it. */
export interface BackupDatabase {
  name: string;
  stream: string;
  /** Null where the backup has none. */
  objectsStream: string | null;
  size: number | null;
  /** Null where the index says nothing: then the server's default stands. */
  collation: string | null;
  inventory: Inventory | null;
}

/** A backup, opened for a restore. */
export interface BackupContents {
  flavour: Flavour;
  /** `10.11.19` */
  version: string;
  databases: BackupDatabase[];
  globals: string | null;
  /** Whether only a part was taken, so that what is missing was never there. */
  partial: boolean;
  schemaOnly: boolean;
  maxAllowedPacket: number;
}

/** Reads manifest and index. @throws BackupctlError unsupported for a backup that is none of this engine's dumps */
export async function readBackup(source: RestoreSource): Promise<BackupContents> {
  const { manifest } = source;
  if (manifest.engine !== 'mysql' || manifest.method !== 'logical') {
    throw new BackupctlError(
      'unsupported',
      `backup ${manifest.id} is a ${manifest.method} one of ${manifest.engine}, which MySQL and MariaDB cannot read`,
    );
  }
  const index = (await source.index('index')) as Partial<MysqlIndex> | null;
  const described = new Map((index?.databases ?? []).map((database) => [database.name, database]));
  const selection = index?.selection ?? {};
  if (selection.data_only === true) {
    throw new BackupctlError('refused', 'the backup holds rows alone, for tables that are there already', {
      hint: `\`backupctl backup-show ${manifest.id} --how-to-restore\` prints the commands that put them into a database`,
    });
  }
  const has = (stream: string) => manifest.objects.some((object) => object.stream === stream);
  return {
    flavour: index?.flavour ?? (manifest.details.flavour === 'mysql' ? 'mysql' : 'mariadb'),
    version: manifest.engine_version.split('-')[0] ?? '',
    databases: manifest.contents.map(({ name, stream, size }) => ({
      name,
      stream,
      objectsStream: has(objectsStream(name)) ? objectsStream(name) : null,
      size,
      collation: described.get(name)?.collation ?? null,
      inventory: described.get(name)?.inventory ?? null,
    })),
    globals: has(globalsStream) ? globalsStream : null,
    partial: isPartial(selection),
    schemaOnly: selection.schema_only === true,
    maxAllowedPacket: index?.max_allowed_packet ?? 16 * 2 ** 20,
  };
}
