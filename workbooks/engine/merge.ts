import { type Dictionary, isDictionary, own, put, type Value } from '../expressions/value.ts';

type Open = { [key: string]: Value };

/** A shallow copy that may be changed. */
export function copyOf(dictionary: Dictionary): Open {
  const copy: Open = {};
  for (const key of Object.keys(dictionary)) put(copy, key, dictionary[key] as Value);
  return copy;
}

/** The right one's keys over the left one's; values are replaced whole. */
export function updated(left: Dictionary, right: Dictionary): Dictionary {
  const result = copyOf(left);
  for (const key of Object.keys(right)) put(result, key, right[key] as Value);
  return result;
}

/** The right one merged into the left one, dictionary by dictionary; the right one's values win, or the left one's. */
export function merged(left: Dictionary, right: Dictionary, wins: 'right' | 'left' = 'right'): Dictionary {
  const result = copyOf(left);
  for (const key of Object.keys(right)) {
    const theirs = right[key] as Value;
    const ours = own(left, key);
    if (ours === undefined) put(result, key, theirs);
    else if (isDictionary(ours) && isDictionary(theirs)) put(result, key, merged(ours, theirs, wins));
    else if (wins === 'right') put(result, key, theirs);
  }
  return result;
}

/** Where contexts of branches meet: how often each variable was published, so that the newer one wins. */
export const versionsKey = '__versions';

/** A context that counts its variables' versions, with those that a task published counted once more. */
export function withVersions(context: Dictionary, published: Dictionary): Dictionary {
  const known = own(context, versionsKey);
  const versions = copyOf(isDictionary(known) ? known : {});
  countPublished(versions, published, '');
  return updated(context, { [versionsKey]: versions });
}

function countPublished(versions: Open, published: Dictionary, prefix: string): void {
  for (const key of Object.keys(published)) {
    const value = published[key] as Value;
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (isDictionary(value)) countPublished(versions, value, path);
    else put(versions, path, Number(own(versions, path) ?? 0) + 1);
  }
}

/** Two branches' contexts as one: of a variable that both have, the one that was published more often. */
export function joined(left: Dictionary, right: Dictionary): Dictionary {
  const leftVersions = versionsOf(left);
  const rightVersions = versionsOf(right);
  const versions = copyOf(leftVersions);
  for (const key of Object.keys(rightVersions)) {
    put(versions, key, Math.max(Number(own(versions, key) ?? 0), Number(rightVersions[key])));
  }
  const both = joinedValues(left, leftVersions, right, rightVersions, '');
  delete (both as Open).__task_execution;
  return updated(both, { [versionsKey]: versions });
}

function versionsOf(context: Dictionary): Dictionary {
  const versions = own(context, versionsKey);
  return isDictionary(versions) ? versions : {};
}

function joinedValues(
  left: Dictionary,
  leftVersions: Dictionary,
  right: Dictionary,
  rightVersions: Dictionary,
  prefix: string,
): Dictionary {
  const result = copyOf(left);
  for (const key of Object.keys(right)) {
    if (prefix === '' && (key === versionsKey || key === '__task_execution')) continue;
    const theirs = right[key] as Value;
    const ours = own(left, key);
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (ours === undefined) put(result, key, theirs);
    else if (isDictionary(ours) && isDictionary(theirs)) {
      put(result, key, joinedValues(ours, leftVersions, theirs, rightVersions, path));
    } else if (Number(own(rightVersions, path) ?? 0) > Number(own(leftVersions, path) ?? 0)) {
      put(result, key, theirs);
    }
  }
  return result;
}

export function withoutVersions(context: Dictionary): Dictionary {
  const result = copyOf(context);
  delete result[versionsKey];
  return result;
}
