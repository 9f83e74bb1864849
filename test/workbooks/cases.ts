import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { textOf, type WrittenWorkbook } from './written.ts';

const folder = join(import.meta.dirname, 'cases');

/** A workbook, how it is run, and what is done to the run: what the oracle, the engine and the platform are given. */
export interface Case {
  /** `topic: sentence`; unlike any other's. */
  readonly id: string;
  readonly topic: string;
  /** What the case shows, as a sentence that can be false. */
  readonly name: string;
  /** The workbook. */
  readonly text: string;
  /** With its workbook's name. */
  readonly workflow: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, unknown>>;
  readonly script: readonly Step[];
  /** Whether each action takes some part of a second of its own, so that nothing happens at one moment by chance. */
  readonly jitter?: boolean;
}

/** Something that is done to a run, as soon as nothing else is left to be done at a moment and `when` holds. */
export interface Step {
  readonly do: 'pause' | 'resume' | 'stop' | 'rerun' | 'skip' | 'action' | 'env';
  /** At once if missing. A task is a path through sub-workflows, `outer/inner`; `name#1` is the second of its name. */
  readonly when?: { readonly state?: string; readonly task?: string; readonly is?: string };
  /** The task whose sub-workflow is paused, resumed or stopped; the whole run if missing. */
  readonly run?: string;
  readonly task?: string;
  /** Which of the actions of `with-items`. */
  readonly index?: number;
  readonly state?: string;
  readonly message?: string;
  readonly output?: unknown;
  readonly reset?: boolean;
  readonly env?: Readonly<Record<string, unknown>>;
}

/** What a run came to: what the oracle writes, and what the engine is compared with. */
export interface RunRecord {
  readonly state: string;
  readonly state_info: string | null;
  readonly output: unknown;
  readonly tasks: readonly TaskRecord[];
  /** From its start, in virtual time; only of the run itself. */
  readonly seconds?: number;
  /** What each step of the script answered, null or why it was refused; missing if none was refused. */
  readonly steps?: readonly (string | null)[];
  /** How many steps of the script never came. */
  readonly left?: number;
  /** The internal error after which nothing happens any more, though the run has not ended. */
  readonly stuck?: unknown;
  /** Internal errors that did not keep the run from its end. */
  readonly errors?: unknown;
}

export interface TaskRecord {
  readonly name: string;
  readonly state: string;
  readonly state_info: string | null;
  readonly result: unknown;
  readonly published: unknown;
  readonly type: string;
  /** How many actions or workflows it started: attempts, items. */
  readonly runs: number;
  readonly children?: readonly (RunRecord & { readonly workflow: string })[];
}

/** Refused before it began. */
export interface Refusal {
  readonly refused: string;
  readonly at: 'create' | 'start';
}

export type Outcome = RunRecord | Refusal;

interface Written extends WrittenWorkbook {
  readonly workflow?: string;
  readonly input?: Record<string, unknown>;
  readonly params?: Record<string, unknown>;
  readonly script?: Step[];
}

/** Every case, or those of one topic, in the order of the files. */
export function loadCases(only?: string): Case[] {
  return topics()
    .filter((topic) => only === undefined || topic === only)
    .flatMap((topic) => {
      const written = parse(readFileSync(join(folder, `${topic}.yaml`), 'utf8')) as Record<string, Written>;
      return Object.entries(written).map(([name, one]) => ({
        id: `${topic}: ${name}`,
        topic,
        name,
        text: textOf(one),
        workflow: one.workflow ?? 'wb.main',
        input: one.input ?? {},
        params: one.params ?? {},
        script: one.script ?? [],
      }));
    });
}

/** The names of the files of cases. */
export function topics(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort();
}

/** Where the oracle's records of a topic are: an object by the names of its cases. */
export function recordsFile(topic: string): string {
  return join(folder, `${topic}.expected.json`);
}

/** What the oracle said of each case of a topic, by name. */
export function loadRecords(topic: string): Record<string, Outcome> {
  return JSON.parse(readFileSync(recordsFile(topic), 'utf8')) as Record<string, Outcome>;
}
