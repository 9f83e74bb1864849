import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { filesBelow } from '../../test/integration/fixture.ts';

const manifestOf = /^backups\/([^/]+)\/([^/]+)\/manifest\.json$/;
const objectOf = /^backups\/([^/]+)\/([^/]+)\//;

/** A backup as it lies in the repository. */
export interface CommittedBackup {
  id: string;
  instanceId: string;
  /** Keys that its manifest names, with manifest and signature. */
  keys: string[];
}

/**
 * What was ever seen committed, with its SHA-256: from then on it may go (when it is deleted), but never change. Objects
 * are read as files, past the product.
 */
export class Ledger {
  readonly #root: string;
  readonly #seen = new Map<string, string>();

  /** @param root where the repository's objects are files */
  constructor(root: string) {
    this.#root = root;
  }

  /** Files of the repository by key; a store's own bookkeeping left out. */
  async files(): Promise<string[]> {
    return (await filesBelow(this.#root)).filter((file) => !file.startsWith('.sgwtmp/'));
  }

  /** Backups whose manifest is there. @throws where a manifest cannot be read */
  async committed(): Promise<CommittedBackup[]> {
    const files = await this.files();
    const found: CommittedBackup[] = [];
    for (const file of files) {
      const [, instanceId, id] = manifestOf.exec(file) ?? [];
      if (instanceId === undefined || id === undefined) continue;
      const bytes = await readFile(join(this.#root, file));
      const manifest = JSON.parse(bytes.toString('utf8')) as { objects: { key: string }[] };
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const signature = `backups/${instanceId}/${id}/manifest.${sha256}.sig`;
      found.push({ id, instanceId, keys: [file, signature, ...manifest.objects.map(({ key }) => key)] });
    }
    return found;
  }

  /**
   * Compares all committed objects with what was seen before.
   * @param mayGo whether a backup's objects may have been removed: somebody asked for it
   * @returns a line for each thing that is not as it was
   */
  async check(mayGo: (backupId: string) => boolean): Promise<string[]> {
    const wrong: string[] = [];
    const committed = await this.committed();
    const files = new Set(await this.files());
    for (const { id, keys } of committed) {
      for (const key of keys) {
        // Deleting removes data first and the manifest last: one that is half gone is on its way.
        if (!files.has(key)) {
          if (!mayGo(id)) wrong.push(`the manifest of ${id} names ${key}, which is not there`);
          continue;
        }
        const sha256 = createHash('sha256')
          .update(await readFile(join(this.#root, key)))
          .digest('hex');
        const before = this.#seen.get(key);
        if (before !== undefined && before !== sha256) wrong.push(`${key} was committed, and has changed`);
        this.#seen.set(key, sha256);
      }
    }
    for (const key of this.#seen.keys()) {
      if (files.has(key)) continue;
      const id = objectOf.exec(key)?.[2] ?? '';
      if (!mayGo(id)) wrong.push(`${key} was committed, and is gone`);
      this.#seen.delete(key);
    }
    return wrong;
  }

  /** Objects that nobody knows: no manifest, no mark, no revision, no log. */
  async strays(): Promise<string[]> {
    const known = new Set((await this.committed()).flatMap(({ keys }) => keys));
    const lasting =
      /^(backupctl\.json|epochs\/\d+\.json|(instances|schedules)\/[^/]+\/\d+\.json|workbooks\/[^/]+\/\d+\.yaml|marks\/[^/]+\/[0-9a-f-]+-[a-z]+\.json|copies\/[^/]+\.json|executions\/[^/]+\/log\.ndjson)$/;
    const strays: string[] = [];
    for (const file of await this.files()) {
      // Whose a small write is cannot be told from its name: the janitor gives it a minute, whatever the grace.
      const fresh = /^(?!backups\/|executions\/).*#[0-9a-f-]{36}$/.test(file);
      if (fresh || known.has(file) || lasting.test(file) || (await this.#isLateLog(file))) continue;
      strays.push(file);
    }
    return strays;
  }

  /** A piece of a log that was written after the log had been made one: its lines are nowhere else. */
  async #isLateLog(file: string): Promise<boolean> {
    const execution = /^executions\/[^/]+\/log(?=\/\d+\.ndjson$)/.exec(file)?.[0];
    if (execution === undefined) return false;
    const [piece, merged] = await Promise.all(
      [file, `${execution}.ndjson`].map((key) => readFile(join(this.#root, key)).catch(() => null)),
    );
    return piece != null && merged != null && !merged.includes(piece);
  }
}
