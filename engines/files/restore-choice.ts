import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { RestoreSource } from '../engine.ts';
import { Choice, type ChoiceDocument } from './choice.ts';
import { linkOf, pathOf } from './index-line.ts';
import { readIndex } from './index-stream.ts';
import { treePath } from './pattern.ts';
import { indexStream } from './stream-names.ts';

/**
 * What a restore is to bring back, from what its user named. Of a part the index is read first: each name must be in it,
 * and a hard link may be wanted whose file is not.
 * @throws BackupctlError usage; not-found for what the backup does not hold
 */
export async function chooseFrom(include: readonly string[], source: RestoreSource): Promise<ChoiceDocument> {
  const asRoot = process.geteuid?.() === 0;
  if (include.length === 0) return { include: [], renames: {}, asRoot };
  const paths = new Map(include.map((text) => [latinPath(text), text]));
  const choice = new Choice({ include: [...paths.keys()], renames: {}, asRoot });
  const renames: Record<string, string> = {};
  const seen = new Set<string>();
  for await (const file of readIndex(await source.open(indexStream))) {
    const path = pathOf(file).toString('latin1');
    const wanted = choice.wanted(path);
    if (wanted === null) continue;
    seen.add(path === wanted ? path : wanted);
    if (file.type !== 'hardlink') continue;
    const link = linkOf(file).toString('latin1');
    if (choice.wanted(link) === null) renames[link] ??= path;
  }
  const missing = [...paths].find(([path]) => !seen.has(path));
  if (missing !== undefined) {
    throw new BackupctlError('not-found', `the backup holds no ${missing[1]}`, {
      hint: '`backupctl backup-contents` lists its paths; one that is no UTF-8 is named base64:…',
    });
  }
  return { include: [...paths.keys()], renames, asRoot };
}

function latinPath(text: string): string {
  if (text.startsWith('base64:'))
    return Buffer.from(text.slice('base64:'.length), 'base64').toString('latin1');
  return Buffer.from(treePath(text, `--include ${JSON.stringify(text)}`)).toString('latin1');
}
