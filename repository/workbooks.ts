import { BackupctlError } from '../errors/backupctl-error.ts';
import { layout } from './layout.ts';
import { lookahead } from './lookahead.ts';
import type { Revision } from './registry.ts';
import type { Repository } from './repository.ts';
import { decodeWorkbook, encodeWorkbook, type WorkbookKind, workbookKey } from './workbook-copy.ts';

/** A workbook as the registry has it, or a workflow or an action that belongs to none: then the file that it stood in. */
export interface StoredWorkbook {
  /** What its revisions are called by. */
  readonly id: string;
  readonly kind: WorkbookKind;
  readonly name: string;
  readonly revision: number;
  /** ISO 8601, UTC. */
  readonly writtenAt: string;
  readonly text: string;
}

/** The newest revisions of all that was not deleted, sorted by name. @throws BackupctlError corrupt */
export async function storedWorkbooks(repository: Repository): Promise<StoredWorkbook[]> {
  const found: StoredWorkbook[] = [];
  const revisions = await repository.latestRevisions('workbooks');
  for await (const stored of lookahead(revisions, 8, (revision) => read(repository, revision))) {
    if (stored !== null) found.push(stored);
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * One of them: its newest revision, or, where a run has begun with one, that.
 * @throws BackupctlError not-found
 */
export async function storedWorkbook(
  repository: Repository,
  name: string,
  { kind = 'workbook', revision }: { readonly kind?: WorkbookKind; readonly revision?: number } = {},
): Promise<StoredWorkbook> {
  const id = workbookKey.of(name, kind);
  const newest =
    revision === undefined
      ? (await repository.latestRevisions('workbooks')).find((each) => each.id === id)
      : revisionOf(id, revision);
  const stored = newest === undefined ? null : await read(repository, newest);
  if (stored !== null) return stored;
  throw new BackupctlError('not-found', `there is no ${kind} ${name}`, {
    hint: `\`backupctl ${kind}-list\` shows those that exist`,
  });
}

/** When it was created: written for the first time, or after its last deletion. ISO 8601, UTC. */
export async function createdAt(repository: Repository, stored: StoredWorkbook): Promise<string> {
  let at = stored.writtenAt;
  for (let revision = stored.revision - 1; revision > 0; revision--) {
    const before = await read(repository, revisionOf(stored.id, revision));
    if (before === null) break;
    at = before.writtenAt;
  }
  return at;
}

/**
 * Writes the next revision; the same text again writes nothing.
 * @param text null deletes it
 * @throws BackupctlError conflict where somebody else wrote it meanwhile, or, with `mode` create, where it exists
 */
export async function writeWorkbook(
  repository: Repository,
  name: string,
  text: string | null,
  {
    kind = 'workbook',
    mode,
    at,
  }: { readonly kind?: WorkbookKind; readonly mode: 'create' | 'update'; readonly at: string },
): Promise<{ revision: number; change: 'created' | 'updated' | 'unchanged' | 'deleted' }> {
  const id = workbookKey.of(name, kind);
  const newest = (await repository.latestRevisions('workbooks')).find((each) => each.id === id);
  const there = newest === undefined ? null : await read(repository, newest);
  if (text === null && there === null) {
    // A lost answer comes here too: what is gone is gone.
    return { revision: newest?.revision ?? 0, change: 'deleted' };
  }
  if (text !== null && there !== null) {
    if (there.text === text) {
      // Written a moment ago by the same request, whose answer was lost; otherwise it was there before.
      if (mode === 'update' || there.writtenAt === at)
        return { revision: there.revision, change: 'unchanged' };
    }
    if (mode === 'create') {
      throw new BackupctlError('conflict', `${kind === 'action' ? 'an' : 'a'} ${kind} named ${name} exists`, {
        hint: 'change it with `backupctl workbook-create FILE --update`',
      });
    }
  }
  const revision = (newest?.revision ?? 0) + 1;
  const bytes = encodeWorkbook({ writtenAt: at, deleted: text === null, text: text ?? '' });
  await repository.putRevision('workbooks', id, revision, bytes);
  return { revision, change: text === null ? 'deleted' : there === null ? 'created' : 'updated' };
}

function revisionOf(id: string, revision: number): Revision {
  return { id, revision, key: layout.workbook(id, revision) };
}

async function read(repository: Repository, { id, revision, key }: Revision): Promise<StoredWorkbook | null> {
  const { deleted, text, writtenAt } = decodeWorkbook(
    key,
    await repository.readRevision({ id, revision, key }),
  );
  return deleted ? null : { id, ...workbookKey.parse(id), revision, writtenAt, text };
}
