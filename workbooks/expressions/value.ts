/**
 * What passes through workbooks: JSON, and nothing else. A dictionary is a plain object whose keys are read with
 * `Object.hasOwn` only, so that no expression reaches a prototype; keys such as `__proto__` are data like any other.
 */
export type Value = null | boolean | number | string | readonly Value[] | Dictionary;

export interface Dictionary {
  readonly [key: string]: Value;
}

export function isDictionary(value: unknown): value is Dictionary {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value of a key of the dictionary's own; undefined where there is none. */
export function own(dictionary: Dictionary, key: string): Value | undefined {
  return Object.hasOwn(dictionary, key) ? dictionary[key] : undefined;
}

/** Sets a key as data, whatever it is called: assigning to `__proto__` would change the object instead. */
export function put(dictionary: { [key: string]: Value }, key: string, value: Value): void {
  if (key === '__proto__') {
    Object.defineProperty(dictionary, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    dictionary[key] = value;
  }
}
