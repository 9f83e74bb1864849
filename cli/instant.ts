import { BackupctlError } from '../errors/backupctl-error.ts';

const written = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)\s?(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * An instant as people write it: `2026-11-21 14:30`, `2026-11-21T14:30:00Z`, `2026-11-21`. Without a zone it is UTC.
 * @param what names it in errors: `--from`
 * @throws BackupctlError usage
 */
export function instantOf(text: string, what: string): Date {
  const [, day, time = '00:00', zone = 'Z'] = written.exec(text.trim()) ?? [];
  const instant = new Date(`${day}T${time}${zone}`);
  // The 31st of February would be taken for the 3rd of March.
  const exists = day !== undefined && new Date(`${day}T00:00Z`).toJSON()?.startsWith(day);
  if (exists && !Number.isNaN(instant.getTime())) return instant;
  throw new BackupctlError('usage', `${what} ${JSON.stringify(text)} is no instant`, {
    hint: 'write it as 2026-11-21 14:30 (UTC) or 2026-11-21T14:30+01:00',
  });
}
