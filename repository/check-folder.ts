import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { readManifest, type SignedManifest } from './backups.ts';
import type { Seen } from './check.ts';
import type { CheckFinding } from './check-finding.ts';
import { type BackupFolder, bytesOf } from './folders.ts';
import { layout } from './layout.ts';
import type { Repository } from './repository.ts';
import { comparePresence } from './verify.ts';

export interface FolderContext {
  repository: Repository;
  seen: Seen;
  /** The newest; null where there is none, and for a copy, which has epochs of its own. */
  epoch: number | null;
  /** What no manifest names and is not older may be work that is under way. */
  before: Date;
}

/** What is wrong in the folder of one backup: its manifest and signature, its objects by presence and size. */
export async function checkFolder(context: FolderContext, folder: BackupFolder): Promise<CheckFinding[]> {
  const { repository, seen } = context;
  const { instanceId, backupId, objects } = folder;
  const key = layout.manifest(instanceId, backupId);
  const tombstoned = seen.tombstoned.has(backupId);
  const isYoung = [...objects.values()].some(({ modified }) => modified > context.before);
  let found: SignedManifest | null;
  try {
    found = await readManifest(repository.store, repository.trusted, folder);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return [{ key, problem: messageOf(error), level: 'problem' }];
  }
  const leftover = (text: string): CheckFinding => ({
    key: layout.backup(instanceId, backupId),
    problem: text,
    level: isYoung ? 'note' : 'problem',
  });
  if (found === null) {
    const bytes = bytesOf(objects.values());
    const why = tombstoned ? 'the backup was deleted or given up' : 'no manifest was written';
    return [leftover(`${objects.size} objects (${bytes} bytes) that no manifest names: ${why}`)];
  }
  const findings: CheckFinding[] = [];
  for (const one of comparePresence(found, folder, objects)) {
    if (one.problem !== 'is not listed in the manifest') {
      // A deletion that was interrupted has begun with the data, and goes on.
      findings.push({ ...one, level: tombstoned ? 'note' : 'problem' });
    } else {
      findings.push({ ...one, level: isYoung ? 'note' : 'problem' });
    }
  }
  findings.push(...factsOf(context, found, key));
  const { manifest, sha256 } = found;
  seen.backups.set(backupId, {
    instanceId,
    label: `backup ${backupId} (${manifest.instance.name}, ${manifest.name})`,
    sha256,
    finishedAt: manifest.finished_at,
    parentId: manifest.parent_id,
    parentSha256: manifest.parent_sha256,
  });
  return findings;
}

/** What a manifest that is signed says, and cannot be so. */
function factsOf(
  { repository, epoch }: FolderContext,
  { manifest }: SignedManifest,
  key: string,
): CheckFinding[] {
  const problems: string[] = [];
  if (manifest.repository_id !== repository.document.id) {
    problems.push(`it is of another repository, ${manifest.repository_id}`);
  }
  if (epoch !== null && manifest.epoch > epoch) {
    problems.push(`its epoch ${manifest.epoch} is newer than the newest, ${epoch}: epochs are missing`);
  }
  for (const size of ['plain_size', 'sealed_size'] as const) {
    const sum = manifest.objects.reduce((total, object) => total + object[size], 0);
    if (sum !== manifest[size]) problems.push(`its ${size} is ${manifest[size]}, that of its objects ${sum}`);
  }
  for (const [stream, segments] of streamsOf(manifest)) {
    if (segments.some((segment, index) => segment !== index)) {
      problems.push(`its segments of ${stream} are ${segments.join(', ')}`);
    }
  }
  for (const { name, stream } of manifest.contents) {
    if (!manifest.objects.some((object) => object.stream === stream)) {
      problems.push(`no object holds ${stream}, in which ${name} should be`);
    }
  }
  return problems.map((problem) => ({ key, problem, level: 'problem' }));
}

function streamsOf({ objects }: SignedManifest['manifest']): Map<string, number[]> {
  const streams = new Map<string, number[]>();
  for (const { stream, segment } of objects) streams.set(stream, [...(streams.get(stream) ?? []), segment]);
  for (const segments of streams.values()) segments.sort((a, b) => a - b);
  return streams;
}

function isDamage(error: unknown): boolean {
  return error instanceof BackupctlError && (error.code === 'corrupt' || error.code === 'unsupported');
}
