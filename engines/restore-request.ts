import { BackupctlError } from '../errors/backupctl-error.ts';
import type { RestoreRequest } from './engine.ts';

/** Those that were picked, in the backup's order. @throws BackupctlError not-found */
export function pickDatabases<D extends { name: string }>(
  { databases }: { databases: readonly D[] },
  names: readonly string[],
): D[] {
  const missing = names.find((name) => !databases.some((database) => database.name === name));
  if (missing !== undefined) {
    throw new BackupctlError('not-found', `the backup has no database ${missing}`, {
      hint: `it has ${databases.map((database) => database.name).join(', ')}`,
    });
  }
  return databases.filter((database) => names.length === 0 || names.includes(database.name));
}

/**
 * What contradicts itself in a request for databases of a server: whoever reaches Temporal need not have asked the client.
 * @param engine what an engine knows of names and globals: the hint where a backup has none is null where it has
 * @throws BackupctlError usage
 */
export function checkRestoreRequest(
  request: RestoreRequest,
  picked: readonly { name: string }[],
  engine: { checkDatabaseName(name: string): void; noGlobals: string | null },
): void {
  const usage = (message: string, hint?: string) =>
    new BackupctlError('usage', message, hint === undefined ? {} : { hint });
  if (request.createDatabase !== null) {
    engine.checkDatabaseName(request.createDatabase);
    if (request.overwrite) throw usage('--create-database and --overwrite exclude each other');
    if (picked.length !== 1) {
      throw usage(
        `--create-database takes one database, and ${picked.length} would be restored`,
        `pick one with --database: ${picked.map((database) => database.name).join(', ')}`,
      );
    }
  }
  if (request.include.length > 0 && request.createDatabase === null) {
    throw usage(
      '--include goes with --create-database only',
      'a swap with a part of the data would lose the rest',
    );
  }
  if (request.dropOld && !request.overwrite) throw usage('--drop-old goes with --overwrite only');
  if (request.globals && engine.noGlobals !== null) {
    throw usage('--globals: the backup has none', engine.noGlobals);
  }
}
