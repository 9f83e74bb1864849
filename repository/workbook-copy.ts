import { BackupctlError } from '../errors/backupctl-error.ts';

/**
 * `workbooks/<name>/<revision>.yaml`: the text as it was given, behind one line of ours; any tool for YAML or Mistral
 * opens it.
 */
export interface WorkbookCopy {
  /** ISO 8601, UTC. */
  readonly writtenAt: string;
  readonly deleted: boolean;
  /** Empty if it was deleted. */
  readonly text: string;
}

const line = /^# (written|deleted) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) by backupctl\n/;

export function encodeWorkbook({ writtenAt, deleted, text }: WorkbookCopy): Buffer {
  return Buffer.from(`# ${deleted ? 'deleted' : 'written'} ${writtenAt} by backupctl\n${text}`, 'utf8');
}

/** @throws BackupctlError corrupt, naming the key */
export function decodeWorkbook(key: string, bytes: Uint8Array): WorkbookCopy {
  let all: string;
  try {
    all = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new BackupctlError('corrupt', `${key} is not UTF-8`, { cause });
  }
  const match = line.exec(all);
  if (match === null) throw new BackupctlError('corrupt', `${key} does not begin as a workbook of backupctl`);
  return { writtenAt: match[2] as string, deleted: match[1] === 'deleted', text: all.slice(match[0].length) };
}

/** What the registry of workbooks keeps: workbooks, and workflows and actions that belong to none. */
export type WorkbookKind = 'workbook' | 'workflow' | 'action';

/** A name as a part of a key, and back: it may hold anything. No encoded name has the dot that follows a kind. */
export const workbookKey = {
  of: (name: string, kind: WorkbookKind = 'workbook'): string => {
    const encoded = encodeURIComponent(name).replaceAll('.', '%2E');
    return kind === 'workbook' ? encoded : `${kind}.${encoded}`;
  },
  parse: (id: string): { kind: WorkbookKind; name: string } => {
    const [, kind, encoded] = /^(workflow|action)\.(.*)$/.exec(id) ?? [undefined, 'workbook', id];
    return { kind: kind as WorkbookKind, name: decodeURIComponent(encoded ?? '') };
  },
} as const;
