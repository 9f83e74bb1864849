import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BackupClient } from '../../../client/client.ts';
import { ActionError, checkParameters, type Outcome, parameters } from '../../../workbooks/actions/action.ts';
import { type Evaluate, resolveAction } from '../../../workbooks/actions/ad-hoc.ts';
import { checkConstruction } from '../../../workbooks/actions/construct.ts';
import { type InlineOutcome, runInline } from '../../../workbooks/actions/inline.ts';
import { platformActions } from '../../../workbooks/actions/platform.ts';
import { builtInAction, builtInActions } from '../../../workbooks/actions/registry.ts';
import { ExpressionError } from '../../../workbooks/expressions/language.ts';
import { numberText, repr } from '../../../workbooks/expressions/python/repr.ts';
import { type Dictionary, isDictionary, own, type Value } from '../../../workbooks/expressions/value.ts';
import type { AdHocActionDefinition } from '../../../workbooks/language/definition.ts';
import { generator } from '../../fixtures/random.ts';

/** What Mistral's own actions make of these inputs: prove/workbooks/record-actions.py. */
const recorded = JSON.parse(readFileSync(new URL('actions.json', import.meta.url), 'utf8')) as {
  id: string;
  facts: Record<string, { className: string; signature: string; synchronous: boolean }>;
  inline: {
    name: string;
    input: Dictionary;
    refused?: string;
    reason?: string;
    outcome?: InlineOutcome;
  }[];
  adHoc: {
    definitions: Record<string, AdHocActionDefinition>;
    cases: {
      name: string;
      input: Dictionary;
      context: Dictionary;
      refused?: string;
      reason?: string;
      shown?: Dictionary;
      synchronous?: boolean;
      base?: Outcome;
      post?: Outcome;
    }[];
  };
};

/** As much of the language as the recorded workbook uses: `<% $ %>` and `<% $.key %>`. */
const evaluate: Evaluate = (value, data) => {
  if (Array.isArray(value)) return value.map((item: Value) => evaluate(item, data));
  if (isDictionary(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, evaluate(item, data)]));
  }
  if (typeof value !== 'string') return value;
  const look = (path: string): Value => {
    if (path === '') return data;
    const found = isDictionary(data) ? own(data, path.slice(1)) : undefined;
    if (found === undefined) throw new ExpressionError(`nothing is called ${path}`);
    return found;
  };
  const whole = /^<% \$(\.\w+)? %>$/.exec(value);
  if (whole !== null) return look(whole[1] ?? '');
  return value.replace(/<% \$(\.\w+)? %>/g, (_, path: string | undefined) => {
    const found = look(path ?? '');
    if (typeof found === 'string') return found;
    return typeof found === 'number' ? numberText(found) : repr(found);
  });
};

function messageOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof ActionError) return error.message;
    throw error;
  }
}

describe('standard actions', () => {
  test.each(Object.entries(recorded.facts))('%s is known as Mistral knows it', (name, known) => {
    expect(builtInAction(name)).toMatchObject({
      className: known.className,
      synchronous: known.synchronous,
      parameters: parameters(known.signature),
      open: false,
    });
  });

  test('there are no others', () => {
    const names = builtInActions().map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('std.'))).toEqual(Object.keys(recorded.facts));
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(recorded.inline.map((each) => [each.name, JSON.stringify(each.input), each] as const))(
    '%s of %s is what Mistral makes of it',
    (name, _, { input, refused, reason, outcome }) => {
      const action = builtInAction(name);
      if (action === undefined) throw new Error(`${name} is not known`);
      expect(messageOf(() => checkParameters(action, input))).toBe(refused);
      if (refused !== undefined) return;
      const construction = messageOf(() => checkConstruction(action, input));
      if (reason === undefined) expect(construction).toBeUndefined();
      else expect(construction).toContain(reason);
      if (outcome !== undefined) expect(runInline(action, input, recorded.id)).toEqual(outcome);
    },
  );

  test('a dictionary that no payload would hold is refused', () => {
    const action = builtInAction('std.test_dict');
    if (action === undefined) throw new Error('std.test_dict is not known');
    const error = expect.stringContaining('at most');
    expect(runInline(action, { size: 1e9 }, recorded.id)).toEqual({ error, delay: 0 });
    const long = { size: 90_000, key_prefix: 'x'.repeat(100_000) };
    expect(runInline(action, long, recorded.id)).toMatchObject({
      error: expect.stringContaining('characters'),
    });
  });

  test('whatever they are given, they say in words what is wrong', () => {
    const random = generator(7);
    const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
    let deep: Value = 1;
    for (let depth = 0; depth < 5000; depth += 1) deep = [deep];
    const values: readonly Value[] = [
      ...[
        null,
        true,
        false,
        0,
        -1,
        1.5,
        1e300,
        -1e300,
        2 ** 53,
        '',
        'x',
        '\ud800',
        '1e999',
        '0'.repeat(5000),
      ],
      ...[[], [null], {}, { a: 1 }, deep, { deep }, JSON.parse('{"__proto__": {"size": 1}}') as Dictionary],
    ];
    let ran = 0;
    for (let round = 0; round < 3000; round += 1) {
      const action = pick(builtInActions());
      const names = [...action.parameters.map(({ name }) => name), '__proto__', 'toString'];
      const input = Object.fromEntries(
        names.filter(() => random() < 0.4).map((name) => [name, pick(values)]),
      );
      messageOf(() => checkParameters(action, input));
      if (messageOf(() => checkConstruction(action, input)) !== undefined || action.runs === 'activity')
        continue;
      const outcome = runInline(action, input, recorded.id);
      expect(outcome.delay).toBeGreaterThanOrEqual(0);
      expect(Number.isFinite(outcome.delay)).toBe(true);
      ran += 1;
    }
    expect(ran).toBeGreaterThan(50);
  });

  test('a key that is called __proto__ is a key', () => {
    const action = builtInAction('std.noop');
    if (action === undefined) throw new Error('std.noop is not known');
    const input = JSON.parse('{"__proto__": 1}') as Dictionary;
    expect(messageOf(() => checkParameters(action, input))).toContain("unexpected=['__proto__']");
  });
});

describe('actions made of others', () => {
  const { definitions, cases } = recorded.adHoc;
  const source = {
    workbook: 'wb',
    find: (name: string) => (Object.hasOwn(definitions, name) ? definitions[name] : undefined),
  };

  test.each(cases.map((each) => [each.name, JSON.stringify(each.input), each] as const))(
    '%s of %s is what Mistral makes of it',
    (name, _, known) => {
      const action = resolveAction(name, source);
      expect(action.name).toBe(`wb.${name}`);
      const context = { __env: {}, ...known.context };
      if (known.refused !== undefined || known.reason !== undefined) {
        const message = messageOf(() => action.prepare(known.input, context, evaluate)) ?? '';
        if (known.refused !== undefined) expect(message).toBe(known.refused);
        // How Python words a call with wrong arguments is not how Mistral does.
        else if (known.reason?.includes('__init__()')) expect(message).toContain('unexpected=[');
        else expect(message).toContain(known.reason);
        return;
      }
      const { input, base, baseInput } = action.prepare(known.input, context, evaluate);
      expect(input).toEqual(known.shown);
      expect(base.synchronous).toBe(known.synchronous);
      const { delay: _delay, ...outcome } = runInline(base, baseInput, recorded.id, action.shown);
      expect(outcome).toEqual(known.base);
      expect(action.post(outcome, evaluate)).toEqual(known.post);
    },
  );

  test('names are looked for in the workbook first', () => {
    expect(resolveAction('std.noop', source).name).toBe('std.noop');
    expect(resolveAction('wb.twice', source).name).toBe('wb.twice');
    expect(messageOf(() => resolveAction('twice', { find: source.find }))).toBe(
      'Failed to find action [action_name=twice, namespace=]',
    );
    expect(messageOf(() => resolveAction('constructor', source))).toContain('Failed to find action');
  });

  test('a long chain ends with an error, not with the stack', () => {
    const find = (name: string): AdHocActionDefinition => {
      const number = Number(name.slice(2));
      return { name, tags: [], base: `a.${number + 1}`, baseInput: {}, input: [] };
    };
    const action = resolveAction('a.1', { find });
    expect(messageOf(() => action.prepare({}, {}, evaluate))).toContain('more than 100');
  });

  test('an expression that fails is a reason in words', () => {
    const broken: AdHocActionDefinition = {
      name: 'broken',
      tags: [],
      base: 'std.echo',
      baseInput: { output: '<% $.nothing %>' },
      input: [],
    };
    const action = resolveAction('x.broken', { find: (name) => (name === 'x.broken' ? broken : undefined) });
    expect(messageOf(() => action.prepare({}, { __env: {} }, evaluate))).toBe(
      'Failed to instantiate an action [action_desc=AdHoc action [name=x.broken]]: nothing is called .nothing',
    );
  });
});

describe('actions of the platform', () => {
  /** What opens, closes, or takes something that is no data. */
  const none = ['constructor', 'close', 'statusOfRepository'];

  test('there is one for each method of the client', () => {
    const methods = Object.getOwnPropertyNames(BackupClient.prototype).filter((name) => !none.includes(name));
    const own = platformActions.filter(({ name }) => name.startsWith('backupctl.'));
    expect(own.map(({ method }) => method).sort()).toEqual(methods.sort());
    for (const { name, method } of own) {
      expect(name).toBe(`backupctl.${method.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`);
    }
  });

  test('those of Trove call methods that there are', () => {
    for (const { method } of platformActions) expect(BackupClient.prototype).toHaveProperty(method);
  });

  test("the seed's arguments are taken", () => {
    const action = builtInAction('trove.backups_create');
    if (action === undefined) throw new Error('trove.backups_create is not known');
    const input = { instance: 'a', name: 'b', description: null, parent_id: null, incremental: true };
    expect(messageOf(() => checkParameters(action, input))).toBeUndefined();
    expect(messageOf(() => checkParameters(action, { name: 'b' }))).toContain("missing=['instance']");
  });
});
