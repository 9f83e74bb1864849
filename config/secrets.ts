import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { isAbsolute, normalize } from 'node:path';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { SecretReference } from '../repository/manifest.ts';
import { allowedSecrets, sameReference } from './allowed-secrets.ts';
import type { Config } from './load.ts';

export interface ResolvedSecret {
  value: string;
  /** Such as that others can read the file. Never the value. */
  warnings: string[];
}

/** No password is longer. */
const limit = 64 * 1024;

/**
 * Opens a password. Only what this worker's own configuration allows is opened, since a reference may come from
 * whoever reaches Temporal: the lists below `secrets:`, what the file's own instances name, and what the command line on
 * this machine allowed (`config/allowed-secrets.ts`). One trailing newline of a file is dropped.
 * @throws BackupctlError refused (not allowed), configuration (missing, empty, unreadable); never with the value
 */
export async function resolveSecret(
  reference: SecretReference,
  config: Config,
  env: NodeJS.ProcessEnv,
): Promise<ResolvedSecret> {
  const wanted = normal(reference);
  await checkAllowed(wanted, config);
  return secretOf(wanted, env);
}

/**
 * Opens a key of the object store. Only the configuration file names those, so that they are no instance's passwords:
 * a password is shown to the server that a URL names.
 * @throws BackupctlError configuration (missing, empty, unreadable); never with the value
 */
export async function resolveStoreSecret(
  reference: SecretReference,
  env: NodeJS.ProcessEnv,
): Promise<ResolvedSecret> {
  return secretOf(normal(reference), env);
}

/**
 * Whether this worker may open a file or variable that somebody named through Temporal or the repository.
 * @throws BackupctlError refused
 */
export async function checkAllowed(reference: SecretReference, config: Config): Promise<void> {
  const wanted = normal(reference);
  const allowed = [...configuredSecrets(config), ...(await allowedSecrets(config.dataDir))];
  if (!allowed.some((known) => sameReference(known, wanted))) throw notAllowed(wanted, config);
}

function normal(reference: SecretReference): SecretReference {
  return 'file' in reference ? { file: normalize(reference.file) } : reference;
}

async function secretOf(reference: SecretReference, env: NodeJS.ProcessEnv): Promise<ResolvedSecret> {
  return 'file' in reference ? await readPasswordFile(reference.file) : readVariable(reference.env, env);
}

function configuredSecrets(config: Config): SecretReference[] {
  return [
    ...config.secrets.files.map((file) => ({ file })),
    ...config.secrets.env.map((env) => ({ env })),
    ...config.instances.map(({ password }) => password),
  ].filter((reference): reference is SecretReference => reference !== null);
}

function notAllowed(reference: SecretReference, config: Config): BackupctlError {
  const where = config.file ?? `backupctl.yaml in ${config.dataDir}`;
  const [what, key] =
    'file' in reference
      ? [`the file ${reference.file}`, 'secrets.files']
      : [`the environment variable ${reference.env}`, 'secrets.env'];
  return new BackupctlError('refused', `this worker is not allowed to open ${what}`, {
    hint: `name it below ${key} in ${where}`,
  });
}

/** A password from a file, as the command line checks it too. */
export async function readPasswordFile(path: string): Promise<ResolvedSecret> {
  const wrong = (problem: string, cause?: unknown) =>
    new BackupctlError('configuration', `the password file ${path} ${problem}`, {
      hint: "it has to be a file that the worker's user can read",
      cause,
    });
  if (!isAbsolute(path)) throw wrong('is not an absolute path');
  let bytes: Buffer;
  let mode: number;
  try {
    // Without O_NONBLOCK a fifo would hang the worker.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw wrong('is not a regular file');
      if (stats.size > limit) throw wrong(`is larger than ${limit} bytes`);
      mode = stats.mode;
      bytes = await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof BackupctlError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw wrong('does not exist', cause);
    throw wrong(code === 'EACCES' ? 'may not be read' : `cannot be read: ${messageOf(cause)}`, cause);
  }
  const value = bytes.toString('utf8').replace(/\r?\n$/, '');
  if (value === '') throw wrong('is empty');
  if (/[\0\n]/.test(value) || !Buffer.from(value).equals(bytes.subarray(0, Buffer.byteLength(value)))) {
    throw wrong('holds more than one line of text');
  }
  const warnings =
    (mode & 0o044) === 0 ? [] : [`others can read the password file ${path} (chmod 600 helps)`];
  return { value, warnings };
}

function readVariable(name: string, env: NodeJS.ProcessEnv): ResolvedSecret {
  const value = env[name];
  if (value) return { value, warnings: [] };
  throw new BackupctlError(
    'configuration',
    `the environment variable ${name} is ${value === undefined ? 'not set' : 'empty'} where the worker runs`,
    { hint: 'set it, and start the worker again' },
  );
}
