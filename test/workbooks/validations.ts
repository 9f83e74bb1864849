import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { textOf, type WrittenWorkbook } from './written.ts';

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

interface Written extends WrittenWorkbook {
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
