import { type Dictionary, isDictionary, own, type Value } from '../expressions/value.ts';
import { readCommand } from './command.ts';
import type { OnClause, Publish, Transition } from './definition.ts';

/**
 * An `on-…` clause in its one form. Two oddities are Mistral's: of `{task: guard}` written where a list could stand,
 * nothing is left, because only `publish` and `next` are looked for in a dictionary; and of `next: {task: guard}` the
 * guard is lost.
 */
export function readOnClause(raw: Value | undefined): OnClause | undefined {
  if (raw === undefined || raw === null) return undefined;
  if (!isDictionary(raw)) return { next: readNext(raw) };
  const publish = readPublish(own(raw, 'publish'));
  const next = readNext(own(raw, 'next') ?? null);
  return publish ? { publish, next } : { next };
}

function readNext(raw: Value): Transition[] {
  if (typeof raw === 'string') return raw === '' ? [] : [transition(raw, '')];
  if (isDictionary(raw)) return Object.keys(raw).map((to) => transition(to, ''));
  if (!Array.isArray(raw)) return [];
  const items: readonly Value[] = raw;
  return items.flatMap((item) => {
    if (typeof item === 'string') return [transition(item, '')];
    const [first] = isDictionary(item) ? Object.entries(item) : [];
    return first ? [transition(first[0], typeof first[1] === 'string' ? first[1] : '')] : [];
  });
}

function transition(written: string, condition: string): Transition {
  const command = readCommand(written);
  return { to: command?.name ?? written, condition, parameters: command?.parameters ?? {} };
}

function readPublish(raw: Value | undefined): Publish | undefined {
  if (!isDictionary(raw)) return undefined;
  const scope = (name: string): Dictionary | undefined => {
    const variables = own(raw, name);
    return isDictionary(variables) ? variables : undefined;
  };
  const [branch, global, atomic] = [scope('branch'), scope('global'), scope('atomic')];
  return { ...(branch && { branch }), ...(global && { global }), ...(atomic && { atomic }) };
}
