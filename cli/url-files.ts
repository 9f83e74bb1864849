import type { Context } from './context.ts';
import { allowHere } from './password.ts';

/**
 * Lets the local platform's worker open what a URL names (`sslrootcert=FILE`), since its own user named it here.
 * @throws BackupctlError usage for a URL that is wrong
 */
export async function allowUrlFiles(url: string | undefined, context: Context): Promise<void> {
  if (url === undefined) return;
  const { filesOf } = await import('../client/url-files.ts');
  for (const file of await filesOf(url)) await allowHere({ file }, context);
}
