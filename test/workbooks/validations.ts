import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';

const folder = join(import.meta.dirname, 'validation');

/** A text that is accepted or refused before anything runs. */
export interface ValidationCase {
  readonly topic: string;
  /** What is wrong with it, or what may look so. */
  readonly name: string;
  readonly kind: 'workbook' | 'workflows' | 'actions';
  readonly text: string;
}

/** What was said to a case: by the oracle, and by us, as `line:column: key: message`. */
export interface ValidationRecord {
  readonly accepted: boolean;
  readonly why?: string;
  readonly says: readonly string[];
  /** Why we say something else than the oracle. */
  readonly differs?: string;
}

interface Written {
  readonly tasks?: string;
  readonly main?: string;
  readonly workbook?: string;
  readonly text?: string;
  readonly kind?: ValidationCase['kind'];
}

export function validationTopics(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort();
}

/** The cases of a topic, in the order of its file. */
export function loadValidations(topic: string): ValidationCase[] {
  const written = parse(readFileSync(join(folder, `${topic}.yaml`), 'utf8')) as Record<string, Written>;
  return Object.entries(written).map(([name, one]) => ({
    topic,
    name,
    kind: one.kind ?? 'workbook',
    text: textOf(one),
  }));
}

export function validationRecordsFile(topic: string): string {
  return join(folder, `${topic}.expected.json`);
}

export function loadValidationRecords(topic: string): Record<string, ValidationRecord> {
  return JSON.parse(readFileSync(validationRecordsFile(topic), 'utf8')) as Record<string, ValidationRecord>;
}

/** All of a text, or what follows a workbook's name, the workflow `main`, or its tasks. */
function textOf(one: Written): string {
  const head = 'version: "2.0"\nname: wb\n';
  if (one.text !== undefined) return one.text;
  if (one.workbook !== undefined) return head + one.workbook;
  if (one.main !== undefined) return `${head}workflows:\n  main:\n${indent(one.main, 4)}`;
  return `${head}workflows:\n  main:\n    tasks:\n${indent(one.tasks ?? '', 6)}`;
}

function indent(text: string, by: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(by));
}
