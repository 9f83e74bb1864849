import { describe, expect, test } from 'vitest';
import { Definitions } from '../../../workbooks/engine/definitions.ts';
import { InProcess } from '../../../workbooks/engine/in-process.ts';
import type { Run } from '../../../workbooks/engine/run.ts';
import { largestRun, Sizes } from '../../../workbooks/engine/size.ts';
import type { Dictionary, Value } from '../../../workbooks/expressions/value.ts';
import { parseWorkbook } from '../../../workbooks/language/check.ts';

function worldOf(workflows: string, result: Value = null): InProcess {
  const { raw, faults } = parseWorkbook(`version: "2.0"\nname: wb\nworkflows:\n${workflows}`);
  expect(faults).toEqual([]);
  const definitions = new Definitions();
  definitions.addWorkbook(raw as Dictionary);
  let last = 0;
  const source = { uuid: () => `id-${++last}`, random: () => 0.5 };
  return new InProcess(definitions, source, () => ({ result }));
}

async function ended(world: InProcess, input: Dictionary = {}): Promise<Run['state']> {
  const run = world.start('wb.main', input);
  await world.drain();
  return run.state;
}

function nested(levels: number): Value {
  let value: Value = 1;
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { a: value };
  return value;
}

describe('a run that would fill a worker fails, and says so', () => {
  test('where a cycle publishes more and more', async () => {
    const state = await ended(
      worldOf(`  main:
    tasks:
      a: {on-success: b}
      b: {publish: {text: "<% 'x' * 1000000 %>"}, on-success: b}
`),
    );
    expect(state.state).toBe('ERROR');
    expect(state.stateInfo).toContain('the run would hold more than 128 MiB');
    expect(state.tasks.length).toBeLessThan(300);
  });

  test('where it publishes globally', async () => {
    const names = Array.from({ length: 5 }, (_, i) => `v${i}: "<% 'x' * 30000000 %>"`).join(', ');
    const state = await ended(
      worldOf(`  main:
    tasks:
      a: {on-success: {publish: {global: {${names}}}, next: b}}
      b: {action: std.noop}
`),
    );
    expect(state.stateInfo).toContain('the run would hold more than 128 MiB');
  });

  test('where its actions give too much', async () => {
    const state = await ended(
      worldOf(
        `  main:
    tasks:
      a: {action: std.http url='http://x', with-items: "i in <% range(0, 200) %>"}
`,
        'x'.repeat(1_000_000),
      ),
    );
    expect(state.state).toBe('ERROR');
    expect(state.stateInfo).toContain('the run would hold more than 128 MiB');
  });

  test('but not where many tasks hold little', async () => {
    const state = await ended(
      worldOf(`  main:
    tasks:
      s: {publish: {n: 1, text: "<% 'x' * 1000 %>"}, on-success: a}
      a: {publish: {n: "<% $.n + 1 %>"}, on-success: [{a: "<% $.n < 2000 %>"}]}
`),
    );
    expect(state.stateInfo).toBeNull();
    expect(state.tasks).toHaveLength(2000);
  });
});

describe('a value of 10,000 levels', () => {
  test('is refused as an input', () => {
    const world = worldOf('  main: {input: [x], tasks: {a: {action: std.noop}}}\n');
    expect(() => world.start('wb.main', { x: nested(10_000) })).toThrow('nested more than 500 levels deep');
  });

  test('is refused as an environment', () => {
    const world = worldOf('  main: {tasks: {a: {action: std.noop}}}\n');
    expect(() => world.start('wb.main', {}, { env: { x: nested(10_000) } })).toThrow('deep');
  });

  test('fails the run as the result of an action', async () => {
    const state = await ended(
      worldOf("  main: {tasks: {a: {action: std.http url='http://x'}}}\n", nested(10_000)),
    );
    expect(state.state).toBe('ERROR');
    expect(state.stateInfo).toContain('nested more than 500 levels deep');
    expect(() => JSON.stringify(state)).not.toThrow();
  });

  test.each(["<% json_parse('[' * 10000 + ']' * 10000) %>", "{{ json_parse('[' * 10000 ~ ']' * 10000) }}"])(
    'comes out of no expression: %s',
    async (text) => {
      const state = await ended(
        worldOf(
          `  main: {output: {x: "${text}"}, vars: {y: 1}, tasks: {a: {action: std.noop, publish: {x: "${text}"}}}}\n`,
        ),
      );
      expect(state.state).toBe('ERROR');
      expect(state.stateInfo).toMatch(/nested/);
      expect(() => JSON.stringify(state)).not.toThrow();
    },
  );
});

test('a workflow that starts itself without end fails at 100 levels', async () => {
  const world = worldOf('  main: {tasks: {a: {workflow: main}}}\n');
  const state = await ended(world);
  expect(state.state).toBe('ERROR');
  expect(world.runs.size).toBe(101);
  const deepest = [...world.runs.values()].find(({ state: { depth } }) => depth === 100);
  expect(deepest?.state.tasks[0]?.stateInfo).toContain('sub-workflows are nested more than 100 levels deep');
});

test('a size is that of the JSON, or a little more', () => {
  const sizes = new Sizes();
  for (const value of ['', 'a"b\\c\n\u0001', 'ü€😀', [1, [], {}], { a: { b: ['x', null, true] }, ключ: 1 }]) {
    const bytes = Buffer.byteLength(JSON.stringify(value));
    expect(sizes.of(value)).toBeGreaterThanOrEqual(bytes);
    expect(sizes.of(value)).toBeLessThanOrEqual(3 * bytes + 50);
  }
  const shared = ['x'.repeat(1000)];
  expect(sizes.of([shared, shared])).toBeGreaterThan(2000);
  expect(largestRun).toBe(128 * 1024 * 1024);
});
