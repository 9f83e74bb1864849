import { check as checkExpressions } from '../expressions/evaluate.ts';
import { type Dictionary, isDictionary, own } from '../expressions/value.ts';
import { checkMemberList, checkWorkbook, type FileKind, kindOf } from './check/file.ts';
import { keyAt } from './check/key_at.ts';
import { Report } from './check/report.ts';
import type { AdHocActionDefinition, Fault, WorkbookDefinition, WorkflowDefinition } from './definition.ts';
import { normalizeAction, normalizeWorkflow } from './normalize.ts';
import { plainValue, readYaml } from './yaml.ts';

export interface ParsedWorkbook {
  /** Undefined if there is any fault. */
  readonly definition?: WorkbookDefinition;
  /** The file as data; undefined if there is any fault. */
  readonly raw?: Dictionary;
  /** In the order of the file. */
  readonly faults: readonly Fault[];
  /** What Mistral accepts, though its author can hardly have meant it. */
  readonly warnings: readonly Fault[];
}

export interface ParsedDefinitions {
  readonly kind: FileKind;
  /** Of a workbook; undefined if there is any fault. */
  readonly workbook?: WorkbookDefinition;
  /** Those that belong to no workbook; empty if there is any fault. */
  readonly workflows: ReadonlyMap<string, WorkflowDefinition>;
  readonly actions: ReadonlyMap<string, AdHocActionDefinition>;
  readonly raw?: Dictionary;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** Reads and checks the text of a workbook: what Mistral's `workbook-create` takes. Never throws. */
export function parseWorkbook(text: string): ParsedWorkbook {
  const { workbook: definition, raw, faults, warnings } = parse(text, 'workbook');
  return { ...(definition && { definition }), ...(raw && { raw }), faults, warnings };
}

/**
 * Reads and checks a text that is a workbook, or a list of workflows or of actions that belong to none: what Mistral's
 * `workflow-create` and `action-create` take. Never throws.
 */
export function parseDefinitions(text: string): ParsedDefinitions {
  return parse(text);
}

/** The same of a text that has to be of a kind. */
export function parseAs(text: string, kind: FileKind): ParsedDefinitions {
  return parse(text, kind);
}

function parse(text: string, expected?: FileKind): ParsedDefinitions {
  const { root, complaints, places } = readYaml(text);
  const report = new Report(places, checkExpressions);
  const kind = expected ?? kindOf(root);
  for (const { offset, message } of complaints)
    report.fault(offset, root ? keyAt(root, offset) : '', message);
  if (!root) {
    if (complaints.length === 0) report.fault(0, '', 'the file is empty');
    return { kind, workflows: new Map(), actions: new Map(), faults: report.faults(), warnings: [] };
  }
  if (kind === 'workbook') checkWorkbook(report, root);
  else checkMemberList(report, root, kind);
  const found = { kind, faults: report.faults(), warnings: report.warnings() };
  const raw = plainValue(root);
  if (report.count > 0 || !isDictionary(raw)) return { ...found, workflows: new Map(), actions: new Map() };
  if (kind === 'workbook')
    return { ...found, raw, workbook: definitionOf(raw), workflows: new Map(), actions: new Map() };
  return { ...found, raw, workflows: new Map(), actions: new Map(), [kind]: membersOf(raw, kind) };
}

function membersOf(raw: Dictionary, kind: 'workflows' | 'actions') {
  return kind === 'workflows' ? members(raw, normalizeWorkflow) : members(raw, normalizeAction);
}

/** The definition of a workbook that was checked before. */
export function definitionOf(raw: Dictionary): WorkbookDefinition {
  const [description, tags] = [own(raw, 'description'), own(raw, 'tags')];
  return {
    name: String(own(raw, 'name') ?? ''),
    ...(typeof description === 'string' && { description }),
    tags: Array.isArray(tags) ? tags.map(String) : [],
    actions: members(own(raw, 'actions'), normalizeAction),
    workflows: members(own(raw, 'workflows'), normalizeWorkflow),
  };
}

function members<T>(
  section: unknown,
  normalize: (name: string, raw: Dictionary) => T,
): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  if (!isDictionary(section)) return found;
  for (const [name, raw] of Object.entries(section)) {
    if (name !== 'version' && isDictionary(raw)) found.set(name, normalize(name, raw));
  }
  return found;
}
