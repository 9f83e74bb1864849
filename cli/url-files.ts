import type { Context } from './context.ts';
import { allowDirectoryHere, allowHere, isDirectoryAllowedHere } from './password.ts';

/**
 * Lets the local platform's worker open what a URL names (a certificate, a directory to back up), since its own user named
 * it here.
 * @throws BackupctlError usage for a URL that is wrong
 */
export async function allowUrlFiles(url: string | undefined, context: Context): Promise<void> {
  if (url === undefined) return;
  const { directoriesOf, filesOf } = await import('../client/url-files.ts');
  for (const file of await filesOf(url)) await allowHere({ file }, context);
  for (const directory of await directoriesOf(url)) {
    await allowDirectoryHere({ directory, use: 'backup' }, context);
  }
}

/**
 * Lets the local platform's worker restore to where its own user says: the directory, or that of an instance. Of the latter
 * only where the same user has named it before: the registry, in which its URL stands, may be written by others.
 * @param urlOf the instance's URL
 */
export async function allowRestoreTo(
  toDirectory: string | undefined,
  urlOf: () => Promise<string>,
  context: Context,
): Promise<void> {
  if (toDirectory !== undefined) {
    if (toDirectory.startsWith('/'))
      await allowDirectoryHere({ directory: toDirectory, use: 'restore' }, context);
    return;
  }
  const { directoriesOf } = await import('../client/url-files.ts');
  for (const directory of await directoriesOf(await urlOf())) {
    if (!(await isDirectoryAllowedHere({ directory, use: 'backup' }, context))) continue;
    await allowDirectoryHere({ directory, use: 'restore' }, context);
  }
}
