import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Repository } from '../repository/repository.ts';
import { workbookKey } from '../repository/workbook-copy.ts';
import { writeWorkbook } from '../repository/workbooks.ts';

/** Workbooks that every platform has, by their names: each is `workbooks/<name>.yaml`. */
const shipped = ['trove'];

/**
 * Enters the shipped workbooks into the registry where it never had one of that name: what an operator changed or
 * deleted stays so.
 * @returns the names of those that were entered
 * @throws BackupctlError what the store says
 */
export async function enterShippedWorkbooks(repository: Repository, now: Date): Promise<string[]> {
  const known = new Set((await repository.latestRevisions('workbooks')).map(({ id }) => id));
  const entered: string[] = [];
  for (const name of shipped) {
    if (known.has(workbookKey.of(name))) continue;
    const text = await readFile(join(import.meta.dirname, '..', 'workbooks', `${name}.yaml`), 'utf8');
    try {
      await writeWorkbook(repository, name, text, { mode: 'create', at: now.toISOString() });
      entered.push(name);
    } catch (error) {
      // Somebody else wrote it in this moment.
      if (!(error instanceof BackupctlError) || error.code !== 'conflict') throw error;
    }
  }
  return entered;
}
