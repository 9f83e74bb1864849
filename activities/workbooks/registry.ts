import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { WorkbookKind } from '../../repository/workbook-copy.ts';
import { storedWorkbook, storedWorkbooks, writeWorkbook } from '../../repository/workbooks.ts';
import { Definitions } from '../../workbooks/engine/definitions.ts';
import { type Dictionary, isDictionary, own, put } from '../../workbooks/expressions/value.ts';
import { parseDefinitions } from '../../workbooks/language/check.ts';
import type { LoadedWorkflow } from '../../workflows/workbooks/types.ts';
import { beating } from '../beating.ts';
import type { ActivityDeps } from '../deps.ts';
import { withFailures } from '../failure.ts';
import { lookElsewhere } from './elsewhere.ts';

export type WorkbookRegistryActivities = ReturnType<typeof createWorkbookRegistryActivities>;

/** The registry of workbooks, for the workflows that run and change them. */
export function createWorkbookRegistryActivities(deps: ActivityDeps) {
  const read = remembering(rawOf);
  const activities = withFailures({
    /** Writes a revision: creation, change, or, without a text, deletion. @throws conflict, refused, usage */
    async workbook_write(input: {
      kind?: WorkbookKind;
      name: string;
      text: string | null;
      mode: 'create' | 'update';
      at: string;
    }): Promise<Awaited<ReturnType<typeof writeWorkbook>>> {
      await deps.repository.assertOwner(deps.platformId);
      if (input.text !== null) checkText(input.name, input.text, input.kind ?? 'workbook');
      return writeWorkbook(deps.repository, input.name, input.text, input);
    },

    /** What a run needs of the registry; by pinned revisions where its root has some. @throws not-found */
    async workbook_load(input: {
      workflow: string;
      workbook: string | null;
      pins: Record<string, number>;
    }): Promise<LoadedWorkflow> {
      const definitions = new Definitions();
      const pins: Record<string, number> = Object.assign(Object.create(null), input.pins);
      const actions: Record<string, Dictionary> = {};
      for (const newest of await storedWorkbooks(deps.repository)) {
        const pinned = Object.hasOwn(pins, newest.id) ? pins[newest.id] : undefined;
        const isNewest = pinned === undefined || pinned === newest.revision;
        const stored = isNewest
          ? newest
          : await storedWorkbook(deps.repository, newest.name, { kind: newest.kind, revision: pinned });
        const raw = read(stored.text);
        if (raw === undefined) continue;
        pins[stored.id] = stored.revision;
        definitions.addFile(stored.kind, stored.name, raw);
        for (const [name, spec] of actionsOf(stored.kind, stored.name, raw)) put(actions, name, spec);
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

    /** Does nothing: for a workflow that has to let go of its worker for a moment. */
    async workbook_breathe(): Promise<void> {},

    /** Runs and tasks, as `executions()` and `tasks()` show them. */
    async workbook_elsewhere(input: { execution_id: string }) {
      return lookElsewhere(deps, input.execution_id);
    },
  });
  // The worker may be killed at any time: another one is not to wait long for it.
  return beating(['workbook_write', 'workbook_elsewhere'], activities);
}

/** Characters of texts that a worker keeps what it has read of. */
const mostKept = 8 * 1024 * 1024;

/** Reads each text once: every run looks at the whole registry. What was asked for last is forgotten last. */
function remembering(readText: (text: string) => Dictionary | undefined): typeof readText {
  const known = new Map<string, Dictionary | undefined>();
  let kept = 0;
  return (text) => {
    const raw = known.has(text) ? known.get(text) : readText(text);
    kept += known.delete(text) ? 0 : text.length;
    known.set(text, raw);
    for (const oldest of known.keys()) {
      if (kept <= mostKept) break;
      known.delete(oldest);
      kept -= oldest.length;
    }
    return raw;
  };
}

/** Ad-hoc actions of a file, by their full names. */
function actionsOf(kind: WorkbookKind, name: string, raw: Dictionary): [string, Dictionary][] {
  const specs = kind === 'workbook' ? own(raw, 'actions') : kind === 'action' ? raw : {};
  const prefix = kind === 'workbook' ? `${name}.` : '';
  const named = Object.entries(isDictionary(specs) ? specs : {}).filter(
    (entry): entry is [string, Dictionary] =>
      isDictionary(entry[1]) && (kind === 'workbook' || entry[0] === name),
  );
  return named.map(([each, spec]) => [`${prefix}${each}`, spec]);
}

/** Whoever reaches Temporal may have written the text. @throws BackupctlError usage */
function checkText(name: string, text: string, kind: WorkbookKind): void {
  const { faults, raw, kind: found } = parseDefinitions(text);
  const [first] = faults;
  if (first !== undefined) {
    throw new BackupctlError(
      'usage',
      `line ${first.line}, column ${first.column}: ${first.key}: ${first.message}`,
    );
  }
  const isIn =
    raw !== undefined && (kind === 'workbook' ? own(raw, 'name') === name : isDictionary(own(raw, name)));
  if (!isIn || found.replace(/s$/, '') !== kind) {
    throw new BackupctlError('usage', `the text is not that of the ${kind} ${name}`);
  }
}

/** Parsed once for each text: a platform has few workbooks, and many runs. Undefined for one that has faults. */
function rawOf(text: string): Dictionary | undefined {
  const { raw, faults } = parseDefinitions(text);
  if (raw === undefined || faults.length > 0) return undefined;
  return raw;
}
