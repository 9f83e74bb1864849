import { messageOf } from '../errors/backupctl-error.ts';
import type { Copies } from '../repository/copies.ts';
import { isOfStore, PATIENCE } from '../repository/object-sources.ts';
import { Patience } from '../repository/patience.ts';
import type { BackupPlace, Repository } from '../repository/repository.ts';
import type { VerifiedBackup, WaitOptions } from './types.ts';

export type Verification = Pick<VerifiedBackup, 'read' | 'findings' | 'unread'>;

/**
 * Verifies a backup in one repository or in all.
 * @param from what is read by default: the first repository, or what stands in for it
 * @throws BackupctlError not-found for a copy that is not configured; where only one repository is asked, whatever it
 *   throws
 */
export async function verifyIn(
  copies: Copies,
  from: { name: string; repository: Repository },
  place: BackupPlace,
  options: WaitOptions & { data?: boolean; copy?: string },
): Promise<Verification> {
  const outcome: Verification = { read: [], findings: [], unread: [] };
  if (options.copy === undefined) return await verifyOne(outcome, from, place, options);
  if (options.copy !== 'all') {
    const { name } = copies.named(options.copy);
    const repository = await copies.named(options.copy).repository();
    return await verifyOne(outcome, { name, repository }, place, options);
  }
  for (const each of [copies.primary, ...copies.others]) {
    const { name, location } = each;
    try {
      const repository = await new Patience(PATIENCE, location).over(each.repository(), () => {});
      await verifyOne(outcome, { name, repository }, place, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isOfStore(error)) throw error;
      outcome.read = outcome.read.filter((read) => read !== name);
      outcome.unread.push({ copy: name, problem: messageOf(error) });
    }
  }
  return outcome;
}

async function verifyOne(
  outcome: Verification,
  { name, repository }: { name: string; repository: Repository },
  place: BackupPlace,
  { data = false, signal, onProgress }: WaitOptions & { data?: boolean },
): Promise<Verification> {
  outcome.read.push(name);
  const findings = repository.verify(place, {
    data,
    signal: signal ?? new AbortController().signal,
    onProgress: (bytes, of) => onProgress?.(`${name}: ${mebibytes(bytes)} of ${mebibytes(of)} MiB read`),
  });
  for await (const finding of findings) outcome.findings.push({ ...finding, copy: name });
  return outcome;
}

export function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
