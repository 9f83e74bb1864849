import { BackupctlError } from '../errors/backupctl-error.ts';
import type { WorkbookKind } from '../repository/workbook-copy.ts';
import type { StoredWorkbook } from '../repository/workbooks.ts';
import type { Definitions, FoundWorkflow } from '../workbooks/engine/definitions.ts';
import type { InputParameter } from '../workbooks/language/definition.ts';
import type { WorkbookChange as Change, WorkbookChangeInput } from '../workflows/workbook_change.ts';
import type { Surroundings } from './surroundings.ts';
import type {
  Action,
  Workbook,
  WorkbookChange,
  WorkbookDetails,
  Workflow,
  WorkflowDetails,
} from './workbook-types.ts';

/** Bytes of a workbook: it travels to a worker in one message. */
const mostBytes = 1024 * 1024;
/** Bytes of a name as a part of a key: stores take no longer ones. */
const longestKey = 200;

/** The registry of workbooks: kept in the repository, changed through workflows. */
export class Workbooks {
  readonly #surroundings: Surroundings;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** See {@link BackupClient.workbookCreate}. */
  async create(text: string, options: { update?: boolean | undefined }): Promise<WorkbookChange[]> {
    const size = Buffer.byteLength(text);
    if (size > mostBytes) {
      throw new BackupctlError('usage', `the workbook has ${size} bytes, and may have ${mostBytes}`, {
        hint: 'divide it into several workbooks',
      });
    }
    const names = await namesOf(text);
    const mode = options.update ? 'update' : 'create';
    if (mode === 'create') await this.#refuseTaken(names);
    const changes: WorkbookChange[] = [];
    for (const { kind, name } of names) changes.push(await this.#change({ kind, name, text, mode }));
    return changes;
  }

  /** See {@link BackupClient.workbookList}. */
  async list(): Promise<Workbook[]> {
    const stored = (await this.#stored()).filter(({ kind }) => kind === 'workbook');
    return Promise.all(stored.map((each) => this.#toWorkbook(each)));
  }

  /** See {@link BackupClient.workbookShow}. */
  async show(name: string): Promise<WorkbookDetails> {
    const [{ repository }, { storedWorkbook }] = await Promise.all([
      this.#surroundings.reading(),
      import('../repository/workbooks.ts'),
    ]);
    const stored = await storedWorkbook(repository, name);
    return { ...(await this.#toWorkbook(stored)), definition: stored.text };
  }

  /** See {@link BackupClient.workbookDelete}. */
  async delete(kind: WorkbookKind, name: string): Promise<void> {
    const [{ repository }, { storedWorkbook }] = await Promise.all([
      this.#surroundings.reading(),
      import('../repository/workbooks.ts'),
    ]);
    await storedWorkbook(repository, name, { kind });
    await this.#change({ kind, name, text: null, mode: 'update' });
  }

  /** See {@link BackupClient.workflowList}. */
  async workflows(): Promise<Workflow[]> {
    const definitions = await this.definitions();
    const times = await this.#times();
    const all = await Promise.all(definitions.workflows.map((found) => toWorkflow(found, times)));
    return all.map(({ definition: _, ...workflow }) => workflow).sort(byName);
  }

  /** See {@link BackupClient.workflowShow}. */
  async workflow(name: string): Promise<WorkflowDetails> {
    return toWorkflow(await this.found(name), await this.#times());
  }

  /** A workflow by its full name. @throws BackupctlError not-found */
  async found(name: string, definitions?: Definitions): Promise<FoundWorkflow> {
    const found = (definitions ?? (await this.definitions())).workflow(name);
    if (found !== undefined) return found;
    throw new BackupctlError('not-found', `there is no workflow ${name}`, {
      hint: '`backupctl workflow-list` shows those that exist; the name is WORKBOOK.WORKFLOW',
    });
  }

  /** See {@link BackupClient.actionList}. */
  async actions(): Promise<Action[]> {
    const [definitions, { builtInActions }] = await Promise.all([
      this.definitions(),
      import('../workbooks/actions/registry.ts'),
    ]);
    const system = builtInActions().map(({ name, description, parameters, open }) => ({
      name,
      description,
      tags: [],
      isSystem: true,
      input: [...inputOf(parameters), ...(open ? ['*'] : [])],
    }));
    const own = [...definitions.actions].map(([name, { description, tags, input }]) => ({
      name,
      description: description ?? null,
      tags: [...tags],
      isSystem: false,
      input: inputOf(input),
    }));
    return [...system, ...own].sort(byName);
  }

  /** All that is in the registry now; what has faults, as nothing of ours should, is left out with a warning. */
  async definitions(): Promise<Definitions> {
    const [{ Definitions }, { parseDefinitions }] = await Promise.all([
      import('../workbooks/engine/definitions.ts'),
      import('../workbooks/language/check.ts'),
    ]);
    const definitions = new Definitions();
    for (const { kind, name, text } of await this.#stored()) {
      const { raw } = parseDefinitions(text);
      if (raw === undefined) {
        this.#surroundings.warn(
          `the ${kind} ${name} has faults, and is left out: its text was changed from outside`,
        );
      } else definitions.addFile(kind, name, raw);
    }
    return definitions;
  }

  async #stored(): Promise<StoredWorkbook[]> {
    const [{ repository }, { storedWorkbooks }] = await Promise.all([
      this.#surroundings.reading(),
      import('../repository/workbooks.ts'),
    ]);
    return storedWorkbooks(repository);
  }

  /** When what stands in a workbook, or by itself, was created and changed. */
  async #times(): Promise<Times> {
    const { createdAt } = await import('../repository/workbooks.ts');
    const { repository } = await this.#surroundings.reading();
    const times: Times = new Map();
    for (const stored of await this.#stored()) {
      const at = new Date(await createdAt(repository, stored));
      times.set(`${stored.kind}:${stored.name}`, { createdAt: at, updatedAt: new Date(stored.writtenAt) });
    }
    return times;
  }

  async #toWorkbook(stored: StoredWorkbook): Promise<Workbook> {
    const [{ repository }, { createdAt }, { parseWorkbook }] = await Promise.all([
      this.#surroundings.reading(),
      import('../repository/workbooks.ts'),
      import('../workbooks/language/check.ts'),
    ]);
    const { definition } = parseWorkbook(stored.text);
    const inFull = (names: Iterable<string> = []) => [...names].map((each) => `${stored.name}.${each}`);
    return {
      name: stored.name,
      description: definition?.description ?? null,
      tags: [...(definition?.tags ?? [])],
      revision: stored.revision,
      workflows: inFull(definition?.workflows.keys()),
      actions: inFull(definition?.actions.keys()),
      createdAt: new Date(await createdAt(repository, stored)),
      updatedAt: new Date(stored.writtenAt),
    };
  }

  /** Before anything is written, so that a file of several is not written by half. */
  async #refuseTaken(names: readonly Named[]): Promise<void> {
    const stored = await this.#stored();
    const taken = names.find((each) =>
      stored.some(({ kind, name }) => kind === each.kind && name === each.name),
    );
    if (taken === undefined) return;
    const article = taken.kind === 'action' ? 'an' : 'a';
    throw new BackupctlError('conflict', `${article} ${taken.kind} named ${taken.name} exists`, {
      hint: 'change it with `backupctl workbook-create FILE --update`',
    });
  }

  async #change(input: WorkbookChangeInput & Named): Promise<WorkbookChange> {
    const { runToEnd } = await import('./runs.ts');
    const { kind, name } = input;
    const change = await runToEnd<Change>(this.#surroundings, {
      type: 'workbook_change',
      args: [input],
      labels: { kind: 'system', instance: null },
    });
    return { kind, name, ...change };
  }
}

interface Named {
  kind: WorkbookKind;
  name: string;
}

type Times = Map<string, Pick<Workflow, 'createdAt' | 'updatedAt'>>;

/** What a file defines. @throws BackupctlError usage with the first of its faults */
async function namesOf(text: string): Promise<Named[]> {
  const [{ parseDefinitions }, { workbookKey }] = await Promise.all([
    import('../workbooks/language/check.ts'),
    import('../repository/workbook-copy.ts'),
  ]);
  const { kind, workbook, workflows, actions, faults } = parseDefinitions(text);
  const [first] = faults;
  if (first !== undefined) {
    const { line, column, key, message } = first;
    const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
    const place = key === '' ? '' : `${key}: `;
    throw new BackupctlError('usage', `line ${line}, column ${column}: ${place}${message}${more}`, {
      hint: '`backupctl workbook-validate FILE` names every fault',
    });
  }
  const names: Named[] =
    kind === 'workbook'
      ? [{ kind, name: workbook?.name ?? '' }]
      : [
          ...[...workflows.keys()].map((name): Named => ({ kind: 'workflow', name })),
          ...[...actions.keys()].map((name): Named => ({ kind: 'action', name })),
        ];
  for (const { kind, name } of names) {
    // A lone half of a letter is no text that a key could be made of.
    const isText = name !== '' && !/\p{Cs}/u.test(name);
    if (!isText || workbookKey.of(name, kind).length > longestKey) {
      throw new BackupctlError('usage', `the name of the ${kind} is ${isText ? 'too long' : 'no text'}`, {
        hint: `use one of at most ${longestKey} letters of ASCII`,
      });
    }
  }
  return names;
}

async function toWorkflow({ name, workbook, spec }: FoundWorkflow, times: Times): Promise<WorkflowDetails> {
  const { normalizeWorkflow } = await import('../workbooks/language/normalize.ts');
  const local = workbook === undefined ? name : name.slice(workbook.length + 1);
  const { type, description, tags, input, tasks } = normalizeWorkflow(local, spec);
  const written = times.get(workbook === undefined ? `workflow:${name}` : `workbook:${workbook}`);
  return {
    name,
    workbook: workbook ?? null,
    type,
    description: description ?? null,
    tags: [...tags],
    input: inputOf(input),
    tasks: [...tasks.keys()],
    createdAt: written?.createdAt ?? new Date(0),
    updatedAt: written?.updatedAt ?? new Date(0),
    definition: spec,
  };
}

function inputOf(parameters: readonly InputParameter[]): string[] {
  return parameters.map(({ name, default: byDefault }) =>
    byDefault === undefined
      ? name
      : `${name}=${typeof byDefault === 'string' ? byDefault : JSON.stringify(byDefault)}`,
  );
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
