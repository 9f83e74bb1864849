import { isDocument, type Ordered } from '../ordered-json.ts';

/** A difference that cannot be read. */
export class DeltaError extends Error {}

/**
 * Applies what an oplog entry of an update says since MongoDB 5.0 (`$v: 2`, server source `doc_diff`): of a document `d`
 * holds removed fields, `u` updated ones (in their place, else at the end), `i` new ones (at the end, wherever they were),
 * `sNAME` a difference of the field NAME. Where a field is not what the difference was made from, it stays as it is: the
 * document is then of a later moment, and so is what comes.
 */
export function applyDelta(document: ReadonlyMap<string, Ordered>, diff: Ordered): Map<string, Ordered> {
  const changed = new Map(document);
  for (const [section, content] of entriesOf(diff)) {
    if (section === 'd') {
      for (const [name] of entriesOf(content)) changed.delete(name);
    } else if (section === 'u') {
      for (const [name, value] of entriesOf(content)) changed.set(name, value);
    } else if (section === 'i') {
      for (const [name, value] of entriesOf(content)) {
        changed.delete(name);
        changed.set(name, value);
      }
    } else if (section.startsWith('s')) {
      const name = section.slice(1);
      if (changed.has(name)) changed.set(name, applyWithin(changed.get(name), content));
    } else throw new DeltaError(`a difference has a section ${JSON.stringify(section)}`);
  }
  return changed;
}

function applyWithin(value: Ordered, diff: Ordered): Ordered {
  const ofArray = isDocument(diff) && diff.get('a') === true;
  if (ofArray) return Array.isArray(value) ? applyToArray(value, diff) : value;
  return isDocument(value) ? applyDelta(value, diff) : value;
}

/** Of an array: `a: true`, `l` its new length, `uN` a new value at N, `sN` a difference of what is at N. */
function applyToArray(values: readonly Ordered[], diff: ReadonlyMap<string, Ordered>): Ordered[] {
  const changed = [...values];
  for (const [section, content] of diff) {
    if (section === 'a') continue;
    if (section === 'l') {
      changed.length = Math.min(changed.length, Number(content));
      continue;
    }
    const at = /^[us](\d+)$/.exec(section)?.[1];
    if (at === undefined)
      throw new DeltaError(`a difference of an array has a section ${JSON.stringify(section)}`);
    const n = Number(at);
    if (section.startsWith('u')) {
      while (changed.length < n) changed.push(null);
      changed[n] = content;
    } else if (n < changed.length) changed[n] = applyWithin(changed[n], content);
  }
  return changed;
}

function entriesOf(value: Ordered): [string, Ordered][] {
  if (!isDocument(value)) throw new DeltaError('a difference is no document');
  return [...value];
}
