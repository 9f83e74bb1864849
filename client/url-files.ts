import { checkInstanceUrl, factsOf } from '../engines/registry.ts';

/** Files of the worker that an instance's URL names, by absolute paths. @throws BackupctlError usage */
export async function filesOf(url: string): Promise<string[]> {
  const checked = await checkInstanceUrl(url);
  return (await factsOf(checked.engine)).filesIn(checked.url);
}
