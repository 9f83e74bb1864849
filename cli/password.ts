import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AllowedDirectory } from '../config/allowed-secrets.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { SecretReference } from '../repository/manifest.ts';
import type { Parameters } from './command.ts';
import type { Context } from './context.ts';

export const passwordFlags = {
  passwordFile: {
    type: 'file',
    value: 'FILE',
    describe: 'file with the password; one newline at its end is dropped. The worker reads it for each run',
  },
  passwordEnv: {
    type: 'text',
    value: 'VARIABLE',
    describe: "variable with the password, in the worker's environment",
  },
} as const satisfies Parameters;

/**
 * Where the password is, by its flags; undefined where neither is given. The local platform's worker is allowed to
 * open it from now on, since its own user named it here.
 * @throws BackupctlError usage for both flags, or a name that no variable has; not-found for a missing file
 */
export async function passwordOf(
  args: { passwordFile: string | undefined; passwordEnv: string | undefined; noCheck: boolean },
  context: Context,
): Promise<SecretReference | undefined> {
  const { passwordFile, passwordEnv } = args;
  if (passwordFile !== undefined && passwordEnv !== undefined) {
    throw new BackupctlError(
      'usage',
      `--password-file and --password-env are both given (${context.command})`,
      { hint: 'a password is in one place: give one of them' },
    );
  }
  let reference: SecretReference;
  if (passwordFile !== undefined) {
    reference = { file: await checkedFile(resolve(passwordFile), context, args.noCheck) };
  } else if (passwordEnv !== undefined) reference = { env: checkedVariable(passwordEnv, context.command) };
  else return undefined;

  await allowHere(reference, context);
  return reference;
}

/** Writes down, where there is a data directory, that its platform's worker may open this. */
export async function allowHere(reference: SecretReference, context: Context): Promise<void> {
  const dataDir = await dataDirectoryHere(context);
  if (dataDir === null) return;
  const { allowSecret } = await import('../config/allowed-secrets.ts');
  await allowSecret(dataDir, reference);
}

/** The same for statements of a hook. */
export async function allowStatementsHere(sql: string, context: Context): Promise<void> {
  const dataDir = await dataDirectoryHere(context);
  if (dataDir === null) return;
  const { allowStatements } = await import('../config/allowed-secrets.ts');
  await allowStatements(dataDir, sql);
}

/** The same for a directory, to be backed up or restored into. */
export async function allowDirectoryHere(allowed: AllowedDirectory, context: Context): Promise<void> {
  const dataDir = await dataDirectoryHere(context);
  if (dataDir === null) return;
  const { allowDirectory } = await import('../config/allowed-secrets.ts');
  await allowDirectory(dataDir, allowed);
}

/** Whether {@link allowDirectoryHere} was told so. */
export async function isDirectoryAllowedHere(
  { directory, use }: AllowedDirectory,
  context: Context,
): Promise<boolean> {
  const dataDir = await dataDirectoryHere(context);
  if (dataDir === null) return false;
  const { allowedDirectories } = await import('../config/allowed-secrets.ts');
  return (await allowedDirectories(dataDir)).some(
    (allowed) => allowed.directory === directory && allowed.use === use,
  );
}

async function dataDirectoryHere(context: Context): Promise<string | null> {
  const dataDir = context.dataDirectory();
  return dataDir !== undefined && (await isDirectory(dataDir)) ? dataDir : null;
}

/** @param warn whether nobody else says that others can read it: the worker does when it connects */
async function checkedFile(path: string, { output, command }: Context, warn: boolean): Promise<string> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    const missing = found.code === 'ENOENT' || found.code === 'ENOTDIR';
    throw new BackupctlError(
      missing ? 'not-found' : 'usage',
      `the password file ${path} ${missing ? 'does not exist' : `cannot be read: ${found.code}`} (${command})`,
      { hint: 'name a file that the worker can read', cause: found },
    );
  }
  if (!found.isFile()) {
    throw new BackupctlError('usage', `${path} is not a file (${command})`, {
      hint: 'name a file that holds the password',
    });
  }
  if (warn && (found.mode & 0o044) !== 0) output.note(`warning: others can read ${path}: chmod 600 it`);
  return path;
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found?.isDirectory() === true;
}

function checkedVariable(name: string, command: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return name;
  // The name is not repeated: it may be the password itself, put there by mistake.
  throw new BackupctlError('usage', `--password-env is no name of a variable (${command})`, {
    hint: 'give the name of the variable that holds the password, not the password',
  });
}
