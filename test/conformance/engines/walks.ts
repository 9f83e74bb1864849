import type { Walk } from './subject.ts';

/** What differs between two walks, a line each, at most twenty; `[]` where they are equal. */
export function differences(first: Walk, second: Walk): string[] {
  const lines: string[] = [];
  for (const name of new Set([...first.keys(), ...second.keys()])) {
    const [a, b] = [first.get(name), second.get(name)];
    if (a === b) continue;
    if (a === undefined) lines.push(`only in the second: ${name}`);
    else if (b === undefined) lines.push(`only in the first: ${name}`);
    else lines.push(`${name}: ${excerpt(a, b)}`);
  }
  return lines.slice(0, 20);
}

/** Where two texts part. */
function excerpt(a: string, b: string): string {
  let n = 0;
  while (n < a.length && a[n] === b[n]) n += 1;
  const from = Math.max(0, n - 40);
  return `${JSON.stringify(a.slice(from, n + 80))} is ${JSON.stringify(b.slice(from, n + 80))}`;
}

/** How a part differs from those things of the whole that belong to it. `null`: may be there or not. */
export function differencesOfPart(
  whole: Walk,
  part: Walk,
  holds: (name: string) => boolean | null,
): string[] {
  const only = (walk: Walk, kept: (held: boolean | null) => boolean) =>
    new Map([...walk].filter(([name]) => kept(holds(name))));
  return differences(
    only(whole, (held) => held === true),
    only(part, (held) => held !== null),
  );
}
