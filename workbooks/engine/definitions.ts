import { type Dictionary, isDictionary, own } from '../expressions/value.ts';
import type { AdHocActionDefinition } from '../language/definition.ts';
import { normalizeAction } from '../language/normalize.ts';

/** A workflow as it stands in its file. */
export interface FoundWorkflow {
  /** With its workbook. */
  readonly name: string;
  readonly workbook?: string;
  readonly spec: Dictionary;
}

/** Workflows and actions by their full names, from workbooks as they were read: checked before. */
export class Definitions {
  readonly #workflows = new Map<string, FoundWorkflow>();
  readonly #actions = new Map<string, AdHocActionDefinition>();

  /** What a file of the registry is kept for: a workbook, or one workflow or action of it. */
  addFile(kind: 'workbook' | 'workflow' | 'action', name: string, raw: Dictionary): void {
    if (kind === 'workbook') {
      if (own(raw, 'name') === name) this.addWorkbook(raw);
      return;
    }
    const spec = own(raw, name);
    if (!isDictionary(spec)) return;
    if (kind === 'workflow') this.addWorkflow(name, spec);
    else this.addAction(name, spec);
  }

  addWorkbook(raw: Dictionary): void {
    const workbook = String(own(raw, 'name'));
    for (const [name, spec] of entries(own(raw, 'workflows'))) {
      this.#workflows.set(`${workbook}.${name}`, { name: `${workbook}.${name}`, workbook, spec });
    }
    for (const [name, spec] of entries(own(raw, 'actions'))) {
      this.#actions.set(`${workbook}.${name}`, normalizeAction(name, spec));
    }
  }

  addWorkflow(name: string, spec: Dictionary): void {
    this.#workflows.set(name, { name, spec });
  }

  addAction(name: string, spec: Dictionary): void {
    this.#actions.set(name, normalizeAction(name, spec));
  }

  /** A workflow by the name that a task of a workbook has for it: the workbook's own one first. */
  workflow(name: string, workbook?: string): FoundWorkflow | undefined {
    const local = workbook === undefined ? undefined : this.#workflows.get(`${workbook}.${name}`);
    return local ?? this.#workflows.get(name);
  }

  /** All of them, by their full names. */
  get workflows(): readonly FoundWorkflow[] {
    return [...this.#workflows.values()];
  }

  /** All that are made of others, by their full names. */
  get actions(): ReadonlyMap<string, AdHocActionDefinition> {
    return this.#actions;
  }

  action(name: string): AdHocActionDefinition | undefined {
    return this.#actions.get(name);
  }
}

function entries(value: unknown): [string, Dictionary][] {
  if (!isDictionary(value)) return [];
  return Object.entries(value).filter(
    (entry): entry is [string, Dictionary] => entry[0] !== 'version' && isDictionary(entry[1]),
  );
}
