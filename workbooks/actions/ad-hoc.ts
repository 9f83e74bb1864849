import { ExpressionError } from '../expressions/language.ts';
import { type Dictionary, own, put, type Value } from '../expressions/value.ts';
import type { AdHocActionDefinition, InputParameter } from '../language/definition.ts';
import {
  ActionError,
  type ActionFacts,
  checkParameters,
  type Outcome,
  shownAction,
  withDefaults,
} from './action.ts';
import { checkConstruction, reasonAgainst } from './construct.ts';
import { pythonJson } from './python-json.ts';
import { isTrue } from './python-value.ts';
import { builtInAction } from './registry.ts';

/** Evaluates every expression in a value, with the data as `$`. @throws whatever an expression throws */
export type Evaluate = (value: Value, data: Value) => Value;

/** Where the actions are that are made of others. */
export interface AdHocSource {
  /** The workbook of the workflow: its own actions come first. Undefined for a workflow outside of any. */
  readonly workbook?: string | undefined;
  /** An ad-hoc action by its full name: `<workbook>.<action>`. */
  find(name: string): AdHocActionDefinition | undefined;
}

/** An action that is about to run. */
export interface PreparedAction {
  /** What the action execution shows as its input: an ad-hoc action's with its defaults. */
  readonly input: Dictionary;
  /** What has to be run. */
  readonly base: ActionFacts;
  readonly baseInput: Dictionary;
}

/** An action by the name that a task has for it. */
export interface ResolvedAction {
  /** In full: with its workbook. */
  readonly name: string;
  /** What there is to know of what runs in the end; undefined where that cannot be found: then `prepare` says why. */
  readonly base: ActionFacts | undefined;
  /** How errors show it. */
  readonly shown: string;
  /**
   * @param context what an ad-hoc action's `base-input` sees behind its own input: the context of the task, `__env`, and
   *   that of the workflow; the first of them first
   * @throws ActionError in the words of Mistral, without any of the input
   */
  prepare(input: Dictionary, context: Dictionary, evaluate: Evaluate): PreparedAction;
  /**
   * What the action gives, by what its base gave. An error stays as it is, and so does an `output` where the base gave
   * nothing that is true: Mistral evaluates none then.
   * @throws whatever an expression of an `output` throws
   */
  post(outcome: Outcome, evaluate: Evaluate): Outcome;
}

/** Actions on actions on actions; more is taken for a mistake. */
const deepest = 100;

const className = 'mistral.actions.adhoc.AdHocAction';

/**
 * Finds an action as Mistral's engine does: in the workbook, then by the name as it is; what is made of others before
 * what is built in.
 * @throws ActionError where there is none of that name
 */
export function resolveAction(name: string, source: AdHocSource): ResolvedAction {
  const names = source.workbook === undefined ? [name] : [`${source.workbook}.${name}`, name];
  for (const full of names) {
    const definition = source.find(full);
    if (definition !== undefined) return adHoc(full, definition, source);
    const facts = builtInAction(full);
    if (facts !== undefined) return builtIn(facts);
  }
  throw new ActionError(`Failed to find action [action_name=${name}, namespace=]`);
}

function builtIn(facts: ActionFacts): ResolvedAction {
  return {
    name: facts.name,
    base: facts,
    shown: shownAction(facts),
    prepare(input) {
      checkParameters(facts, input);
      checkConstruction(facts, input);
      return { input, base: facts, baseInput: input };
    },
    post: (outcome) => outcome,
  };
}

function adHoc(name: string, outermost: AdHocActionDefinition, source: AdHocSource): ResolvedAction {
  const { chain, end } = chainOf(name, outermost, source);
  const refused = (reason: string) =>
    new ActionError(`Failed to instantiate an action [action_desc=AdHoc action [name=${name}]]: ${reason}`);
  return {
    name,
    base: typeof end === 'string' ? undefined : end,
    shown: `<${className} object>`,
    prepare(input, context, evaluate) {
      checkAdHocParameters(name, outermost.input, input);
      if (typeof end === 'string') throw refused(end);
      const shown = withDefaults(outermost.input, input);
      let current = shown;
      for (const definition of chain) {
        const data = contextOf(definition.input, withDefaults(definition.input, current), context);
        current = evaluated(definition.baseInput, data, evaluate, refused);
      }
      const reason = reasonAgainst(end, current);
      if (reason !== undefined) throw refused(reason);
      return { input: shown, base: end, baseInput: current };
    },
    post(outcome, evaluate) {
      if ('error' in outcome) return outcome;
      let { result } = outcome;
      for (const { output } of chain.toReversed()) {
        if (output === undefined || output === null) continue;
        result = isTrue(result) ? evaluate(output, result) : output;
      }
      return { result };
    },
  };
}

/** The definitions from the outermost inwards, and what they end at: an action, or the reason why at none. */
function chainOf(
  name: string,
  outermost: AdHocActionDefinition,
  source: AdHocSource,
): { chain: readonly AdHocActionDefinition[]; end: ActionFacts | string } {
  const chain = [outermost];
  const visited = new Set([name]);
  for (;;) {
    const base = chain.at(-1)?.base ?? '';
    if (visited.has(base)) {
      const end = `Found a cycle in an ad-hoc action chain [action_name=${name}, duplicate_action_name=${base}]`;
      return { chain, end };
    }
    if (chain.length > deepest) return { chain, end: `more than ${deepest} ad-hoc actions on each other` };
    visited.add(base);
    const next = source.find(base);
    if (next === undefined) {
      return {
        chain,
        end: builtInAction(base) ?? `Failed to find base action [action_name=${base} namespace=] `,
      };
    }
    chain.push(next);
  }
}

/** The input over what the task sees. A parameter that nobody gave hides what has its name there. */
function contextOf(declared: readonly InputParameter[], input: Dictionary, context: Dictionary): Dictionary {
  const data: { [key: string]: Value } = {};
  for (const [key, value] of Object.entries(input)) put(data, key, value);
  const hidden = new Set(declared.map(({ name }) => name));
  for (const [key, value] of Object.entries(context)) {
    if (!hidden.has(key) && own(data, key) === undefined) put(data, key, value);
  }
  return data;
}

/** Where there is nothing at all to see, Mistral evaluates nothing. */
function evaluated(
  baseInput: Dictionary,
  data: Dictionary,
  evaluate: Evaluate,
  refused: (reason: string) => ActionError,
): Dictionary {
  if (Object.keys(data).length === 0) return baseInput;
  try {
    return evaluate(baseInput, data) as Dictionary;
  } catch (error) {
    if (error instanceof ExpressionError) throw refused(error.message);
    throw error;
  }
}

/**
 * Mistral keeps an ad-hoc action's parameters as one text, and takes that apart again at its commas: a default that holds
 * one makes parameters of its pieces, which nobody can give; one that holds two asterisks lets everything pass.
 */
function checkAdHocParameters(name: string, declared: readonly InputParameter[], input: Dictionary): void {
  const signature = declared
    .map((parameter) =>
      parameter.default === undefined ? parameter.name : `${parameter.name}=${pythonJson(parameter.default)}`,
    )
    .join(', ');
  const pieces = signature === '' ? [] : signature.split(',').map((piece) => piece.trim());
  const parameters = new Map<string, InputParameter>();
  for (const piece of pieces) {
    const [key = ''] = piece.split('=', 1);
    parameters.set(key, piece.includes('=') ? { name: key, default: null } : { name: key });
  }
  const open = signature.includes('**');
  checkParameters({ name, className, parameters: [...parameters.values()], open }, input);
}
