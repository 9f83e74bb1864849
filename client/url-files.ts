import { checkInstanceUrl, factsOf } from '../engines/registry.ts';

/** Directories of the worker that a backup of an instance's URL reads, by absolute paths. @throws BackupctlError usage */
export async function directoriesOf(url: string): Promise<string[]> {
  const checked = await checkInstanceUrl(url);
  return (await factsOf(checked.engine)).directoriesIn?.(checked.url) ?? [];
}

/** Files of the worker that an instance's URL names, by absolute paths. @throws BackupctlError usage */
export async function filesOf(url: string): Promise<string[]> {
  const checked = await checkInstanceUrl(url);
  return (await factsOf(checked.engine)).filesIn(checked.url);
}
