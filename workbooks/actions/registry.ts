import type { ActionFacts } from './action.ts';
import { platformActions } from './platform.ts';
import { standardActions } from './standard.ts';

const byName: ReadonlyMap<string, ActionFacts> = new Map(
  [...standardActions, ...platformActions].map((action) => [action.name, action]),
);

/** Every action that is not made of another, sorted by name. */
export function builtInActions(): ActionFacts[] {
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** An action that is not made of another, by its name. */
export function builtInAction(name: string): ActionFacts | undefined {
  return byName.get(name);
}
