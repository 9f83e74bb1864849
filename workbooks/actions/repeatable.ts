import { type Dictionary, own } from '../expressions/value.ts';

/** Methods of HTTP that change nothing, however often they are sent. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Of the platform's actions, those that ask, and those that know their own work again. */
const asking =
  /^(?:backupctl|trove)\.(?:.*_)?(?:list|list_by_instance|list_instance|show|get|logs|wait|executions|contents|content_lines|how_to_restore|verify|plan|check|stats|health|freshness|status|backups)$/;
const known = new Set(['backupctl.backup_create', 'trove.backups_create', 'backupctl.restore_create']);

/**
 * Whether an action that was cut off (its worker was lost) can be run again without harm, though its task does not say
 * `safe-rerun`. Any other one fails then, as in Mistral.
 */
export function isRepeatable(name: string, input: Dictionary): boolean {
  if (name === 'std.javascript' || name === 'std.js') return true;
  if (name === 'std.http') {
    const method = own(input, 'method') ?? 'GET';
    return typeof method === 'string' && safeMethods.has(method.toUpperCase());
  }
  return asking.test(name) || known.has(name);
}
