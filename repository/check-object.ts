import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { type CheckFinding, problem } from './check-finding.ts';
import { parseJson, readDocument } from './documents.ts';
import { epochSchema, instanceSchema, repositorySchema } from './manifest.ts';
import { readMark } from './marks.ts';
import { ObjectMissingError, type Store } from './store.ts';

const uuid = '[0-9a-f-]{36}';

/** What may be in a repository besides backups, and how it is read. */
const kinds: readonly {
  name: RegExp;
  read?: (store: Store, trusted: ReadonlySet<string>, key: string) => Promise<string | null>;
}[] = [
  {
    name: /^backupctl\.json$/,
    read: async (store, _, key) => {
      await readDocument(store, repositorySchema, key);
      return null;
    },
  },
  {
    name: /^epochs\/([1-9][0-9]*)\.json$/,
    read: async (store, _, key) => {
      const { epoch } = await readDocument(store, epochSchema, key);
      return key === `epochs/${epoch}.json` ? null : `it holds epoch ${epoch}`;
    },
  },
  {
    name: new RegExp(`^instances/${uuid}/[1-9][0-9]*\\.json$`),
    read: async (store, _, key) => {
      const { id, revision } = await readDocument(store, instanceSchema, key);
      return key === `instances/${id}/${revision}.json` ? null : `it holds revision ${revision} of ${id}`;
    },
  },
  {
    name: new RegExp(`^schedules/${uuid}/[1-9][0-9]*\\.json$`),
    read: json,
  },
  { name: /^copies\/[a-z0-9-]+\.json$/, read: json },
  { name: /^workbooks\/[^/]+\/[1-9][0-9]*\.yaml$/ },
  { name: /^values\/\d{4}-\d\d\/[0-9a-f]{64}\.zst\.age$/ },
  {
    name: new RegExp(`^marks/${uuid}/${uuid}-[a-z]+\\.json$`),
    read: async (store, trusted, key) => {
      await readMark(store, trusted, key);
      return null;
    },
  },
  { name: new RegExp(`^executions/${uuid}/log(/[1-9][0-9]*)?\\.ndjson$`) },
];

async function json(store: Store, _: unknown, key: string): Promise<string | null> {
  const document = parseJson(key, await store.read(key));
  return typeof document === 'object' && document !== null ? null : 'it is no JSON object';
}

/** What is wrong with one object that is in no backup's folder. */
export async function checkObject(
  store: Store,
  trusted: ReadonlySet<string>,
  key: string,
): Promise<CheckFinding[]> {
  const kind = kinds.find(({ name }) => name.test(key));
  if (kind === undefined) {
    const probe = key.startsWith('probes/');
    const text = probe
      ? 'is left of a try whether the store can be used'
      : 'is nothing that a repository holds';
    return [{ key, problem: text, level: probe ? 'note' : 'problem' }];
  }
  try {
    const text = (await kind.read?.(store, trusted, key)) ?? null;
    return text === null ? [] : [problem(key, text)];
  } catch (error) {
    // Removed since it was listed: a log that was merged.
    if (error instanceof ObjectMissingError) return [];
    if (!(error instanceof BackupctlError) || error.code !== 'corrupt') throw error;
    const text = messageOf(error);
    return [problem(key, text.startsWith(key) ? text.slice(key.length).replace(/^:? ?/, '') : text)];
  }
}

/** Finds revisions that are missing between the first and the newest, from names alone. */
export class RevisionGaps {
  readonly #of = new Map<string, { newest: number; number: number }>();

  add(key: string): void {
    const [, folder, n] =
      /^((?:epochs|(?:instances|schedules|workbooks)\/[^/]+)\/)([1-9][0-9]*)\.[a-z]+$/.exec(key) ?? [];
    if (folder === undefined) return;
    const known = this.#of.get(folder) ?? { newest: 0, number: 0 };
    this.#of.set(folder, { newest: Math.max(known.newest, Number(n)), number: known.number + 1 });
  }

  *findings(): Generator<CheckFinding> {
    for (const [folder, { newest, number }] of this.#of) {
      const missing = newest - number;
      if (missing === 0) continue;
      const what = folder === 'epochs/' ? 'epochs' : 'revisions';
      yield problem(folder, `${missing} of ${newest} ${what} are missing`);
    }
  }
}
