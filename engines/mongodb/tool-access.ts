import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import type { Target } from '../engine.ts';
import { applicationName } from './connection.ts';
import { formatMongoUrl, isDirect, type MongoUrl, parseMongoUrl } from './url.ts';

export interface ToolAccess {
  /** First words of mongodump and mongorestore: the file that says to whom and as whom. */
  args: string[];
  env: Record<string, string>;
  /** Struck out of what the program prints. */
  secrets: string[];
}

export interface ToolUrl {
  /** Speak to this member alone (`host:port`), as `mongodump` has to: two members are at two instants. */
  member?: string;
}

/**
 * Runs the body with what MongoDB's programs need to connect: a configuration file of mode 0600 in the scratch folder with
 * URL and password, which is removed afterwards; nothing of either is in their arguments.
 */
export async function withToolAccess<T>(
  target: Target,
  run: { executionId: string; scratch: string },
  { member }: ToolUrl,
  body: (access: ToolAccess) => Promise<T>,
): Promise<T> {
  const file = join(run.scratch, `mongo-${randomUUID()}.yaml`);
  const url = forTools(parseMongoUrl(target.url), run.executionId, member);
  const { password } = target;
  // JSON is YAML, and quotes whatever a password may hold.
  const lines = [`uri: ${JSON.stringify(url)}`];
  const secret = password !== null && password !== '' && parseMongoUrl(target.url).user !== null;
  if (secret) lines.push(`password: ${JSON.stringify(password)}`);
  try {
    await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600, flag: 'wx' });
    return await body({
      args: [`--config=${file}`],
      env: { HOME: run.scratch },
      secrets: secret && password !== null ? [password] : [],
    });
  } finally {
    await rm(file, { force: true });
  }
}

/** A program of ours reads the same file. @param config as `--config=FILE` */
export async function connectAsTool(config: string): Promise<MongoClient> {
  const said = new Map<string, string>();
  for (const line of (await readFile(config.replace(/^--config=/, ''), 'utf8')).split('\n')) {
    const colon = line.indexOf(': ');
    if (colon !== -1) said.set(line.slice(0, colon), JSON.parse(line.slice(colon + 2)) as string);
  }
  const uri = said.get('uri') ?? '';
  const user = /^mongodb(?:\+srv)?:\/\/([^@/?]+)@/.exec(uri)?.[1];
  const auth = { username: decodeURIComponent(user ?? ''), password: said.get('password') ?? '' };
  const client = new MongoClient(uri, user === undefined ? {} : { auth });
  return client.connect();
}

function forTools(url: MongoUrl, executionId: string, member: string | undefined): string {
  const options = new Map(url.options);
  options.delete('maxStalenessSeconds');
  options.delete('readPreference');
  if (member !== undefined || isDirect(url)) {
    options.delete('replicaSet');
    options.set('directConnection', 'true');
    if (member !== undefined) options.set('readPreference', 'secondaryPreferred');
  }
  // What mongodb+srv implies holds for a member as well.
  if (url.srv && member !== undefined && !options.has('tls')) options.set('tls', 'true');
  options.set('appName', applicationName(executionId));
  return formatMongoUrl({
    ...url,
    srv: url.srv && member === undefined,
    hosts: member === undefined ? url.hosts : [member],
    database: null,
    options,
  });
}
