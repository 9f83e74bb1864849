import { BackupctlError } from '../../errors/backupctl-error.ts';
import { storedWorkbook, storedWorkbooks, writeWorkbook } from '../../repository/workbooks.ts';
import { Definitions } from '../../workbooks/engine/definitions.ts';
import { type Dictionary, isDictionary, own } from '../../workbooks/expressions/value.ts';
import { parseDefinitions } from '../../workbooks/language/check.ts';
import type { LoadedWorkflow } from '../../workflows/workbooks/types.ts';
import type { ActivityDeps } from '../deps.ts';
import { withFailures } from '../failure.ts';
import { lookElsewhere } from './elsewhere.ts';

export type WorkbookRegistryActivities = ReturnType<typeof createWorkbookRegistryActivities>;

/** The registry of workbooks, for the workflows that run and change them. */
export function createWorkbookRegistryActivities(deps: ActivityDeps) {
  return withFailures({
    /** Writes a revision: creation, change, or, without a text, deletion. @throws conflict, refused, usage */
    async workbook_write(input: {
      name: string;
      text: string | null;
      mode: 'create' | 'update';
      at: string;
    }): Promise<Awaited<ReturnType<typeof writeWorkbook>>> {
      await deps.repository.assertOwner(deps.platformId);
      if (input.text !== null) checkText(input.name, input.text);
      return writeWorkbook(deps.repository, input.name, input.text, input);
    },

    /** What a run needs of the registry; by pinned revisions where its root has some. @throws not-found */
    async workbook_load(input: {
      workflow: string;
      workbook: string | null;
      pins: Record<string, number>;
    }): Promise<LoadedWorkflow> {
      const definitions = new Definitions();
      const pins: Record<string, number> = { ...input.pins };
      const actions: Record<string, Dictionary> = {};
      for (const newest of await storedWorkbooks(deps.repository)) {
        const pinned = Object.hasOwn(pins, newest.name) ? pins[newest.name] : undefined;
        const isNewest = pinned === undefined || pinned === newest.revision;
        const stored = isNewest ? newest : await storedWorkbook(deps.repository, newest.name, pinned);
        const raw = rawOf(stored.name, stored.text);
        if (raw === undefined) continue;
        definitions.addWorkbook(raw);
        pins[stored.name] = stored.revision;
        const adHoc = own(raw, 'actions');
        for (const [name, spec] of isDictionary(adHoc) ? Object.entries(adHoc) : []) {
          if (isDictionary(spec)) actions[`${stored.name}.${name}`] = spec;
        }
      }
      const found = definitions.workflow(input.workflow, input.workbook ?? undefined);
      if (found === undefined) {
        throw new BackupctlError(
          'not-found',
          `Failed to find workflow [name=${input.workflow}] [namespace=]`,
        );
      }
      return { name: found.name, workbook: found.workbook ?? null, spec: found.spec, actions, pins };
    },

    /** Runs and tasks, as `executions()` and `tasks()` show them. */
    async workbook_elsewhere(input: { execution_id: string }) {
      return lookElsewhere(deps, input.execution_id);
    },
  });
}

/** Whoever reaches Temporal may have written the text. @throws BackupctlError usage */
function checkText(name: string, text: string): void {
  const { faults, raw } = parseDefinitions(text);
  const [first] = faults;
  if (first !== undefined) {
    throw new BackupctlError(
      'usage',
      `line ${first.line}, column ${first.column}: ${first.key}: ${first.message}`,
    );
  }
  if (raw === undefined || own(raw, 'name') !== name) {
    throw new BackupctlError('usage', `the text is not that of the workbook ${name}`);
  }
}

const parsed = new Map<string, Dictionary>();

/** Parsed once for each text: a platform has few workbooks, and many runs. */
function rawOf(name: string, text: string): Dictionary | undefined {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const { raw, faults } = parseDefinitions(text);
  if (raw === undefined || faults.length > 0 || own(raw, 'name') !== name) return undefined;
  if (parsed.size >= 100) parsed.delete(parsed.keys().next().value as string);
  parsed.set(text, raw);
  return raw;
}
