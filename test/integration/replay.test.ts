import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import proto from '@temporalio/proto';
import { makeTelemetryFilterString, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LargePayloads } from '../../repository/large-payloads.ts';
import { workflowBundle } from '../../worker/bundle.ts';

/** One file of `test/replay`, as `scripts/record-histories.ts` writes it. */
interface Recorded {
  workflow_id: string;
  history: { events: HistoryEvent[] };
}

type HistoryEvent = { eventType: string } & Record<string, { [key: string]: unknown } | string | undefined>;

const folder = join(import.meta.dirname, '..', 'replay');
const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
const read = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Recorded;

let scratch: string;
let code: string;

beforeAll(async () => {
  Runtime.install({
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  });
  scratch = await mkdtemp(join(tmpdir(), 'backupctl-replay-'));
  code = await readFile(await workflowBundle(scratch), 'utf8');
});
afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
  await Runtime._instance?.shutdown();
});

/** Large values are compressed; of those that are kept in a repository none is recorded. */
const compressed = new LargePayloads(() => Promise.reject(new Error('there is no repository here')), {
  mayKeep: false,
});

/** Replays recorded runs with a bundle. @returns what went wrong, by file */
async function replay(bundle: string, files: readonly string[]): Promise<Map<string, Error>> {
  const errors = new Map<string, Error>();
  for (const name of files) {
    const { workflow_id: workflowId, history } = await read(name);
    try {
      await Worker.runReplayHistory(
        { workflowBundle: { code: bundle }, dataConverter: { payloadCodecs: [compressed] } },
        proto.temporal.api.history.v1.History.fromObject(history),
        workflowId,
      );
    } catch (error) {
      errors.set(name, error as Error);
    }
  }
  return errors;
}

/** Every text of a history, payloads included. */
function textOf(node: unknown): string {
  if (typeof node === 'string') {
    const decoded = /^[A-Za-z0-9+/]+=*$/.test(node) ? Buffer.from(node, 'base64').toString('utf8') : '';
    return `${node}\n${decoded}\n`;
  }
  if (typeof node !== 'object' || node === null) return '';
  return Object.values(node).map(textOf).join('');
}

function typeOf({ history }: Recorded): string {
  const started = history.events[0]?.workflowExecutionStartedEventAttributes as
    | { workflowType: { name: string } }
    | undefined;
  return started?.workflowType.name ?? '';
}

describe('recorded runs', () => {
  test('are there for every workflow, and for every way that one can end', async () => {
    const found = new Map<string, Set<string>>();
    for (const name of names) {
      const recorded = await read(name);
      const endings = found.get(typeOf(recorded)) ?? new Set();
      endings.add(
        recorded.history.events.at(-1)?.eventType.replace('EVENT_TYPE_WORKFLOW_EXECUTION_', '') ?? '',
      );
      found.set(typeOf(recorded), endings);
    }
    const index = await readFile(join(import.meta.dirname, '..', '..', 'workflows', 'index.ts'), 'utf8');
    const exported = [...index.matchAll(/export \{ (\w+) \}/g)].map(([, name]) => name as string);
    expect([...found.keys()].sort()).toEqual(exported.sort());
    for (const type of ['backup_create', 'backup_run', 'restore_create']) {
      expect(found.get(type), type).toEqual(new Set(['COMPLETED', 'FAILED', 'CANCELED']));
    }
  });

  test.each(names)('%s is replayed by the workflows as they are now', async (name) => {
    expect([...(await replay(code, [name])).values()]).toEqual([]);
  });

  test.each(names)(
    '%s holds nothing of the machine that it was recorded on, and no password',
    async (name) => {
      const text = textOf(await read(name));
      expect(text).not.toContain(hostname());
      expect(text).not.toMatch(/\/tmp\/|\/home\/|\/root\/|\/work\//);
      expect(text).not.toMatch(/-secret\b|AGE-SECRET-KEY|PRIVATE KEY|postgres:\/\/[^@/\s]*:[^@/\s]*@/);
    },
  );
});

describe('a workflow that was changed', () => {
  test.each<[string, RegExp, string, string[]]>([
    [
      'so that it calls a step by another name',
      /\.pick_parent\(/g,
      '.choose_parent(',
      ['backup_run-manual.json', 'backup_run-error.json'],
    ],
    [
      'so that it leaves its cleanup out',
      /\(queue\)\.cleanup\(/g,
      '(queue) && Promise.resolve(',
      ['backup_run-manual.json', 'backup_run-cancelled.json'],
    ],
    [
      'so that it does not look for its siblings',
      /policy\.schedule_id === null\)\s*return null/g,
      'true) return null',
      ['backup_create-scheduled.json', 'backup_create-overlap-skip.json'],
    ],
    [
      'so that a restore is not pinned',
      /\.restore_pin\(/g,
      '.restore_find(',
      ['restore_create-success.json', 'restore_create-refused.json'],
    ],
    [
      'so that a run of a workbook takes its actions from elsewhere',
      /\{ action_run \}/g,
      '{ action_start: action_run }',
      ['workbook_run-straight.json', 'workbook_run-items.json', 'workbook_run-rerun.json'],
    ],
  ])('%s does not pass the replay', async (_what, pattern, substitute, files) => {
    const changed = code.replaceAll(pattern, substitute);
    expect(changed === code, 'the bundle has that line').toBe(false);
    const errors = await replay(changed, files);
    expect([...errors.keys()].sort()).toEqual(files.toSorted());
    for (const error of errors.values()) expect(error.name).toBe('DeterminismViolationError');
  });
});

test('workflows use nothing that answers differently the second time', async () => {
  const sources = join(import.meta.dirname, '..', '..', 'workflows');
  const forbidden =
    /\b(process\.|globalThis|performance\.|setTimeout|setInterval|fetch\(|require\(|import\(|node:|WeakRef|FinalizationRegistry|toLocale\w*|Intl\.)/;
  const found: string[] = [];
  for (const name of await readdir(sources, { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const lines = (await readFile(join(sources, name), 'utf8')).split('\n');
    for (const line of lines)
      if (forbidden.test(line.replace(/\/\/.*|^\s*\*.*/, ''))) found.push(`${name}: ${line}`);
  }
  expect(found).toEqual([]);
});
