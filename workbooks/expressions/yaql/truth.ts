import { Float } from '../python/float.ts';
import { isMapping, List, SetValue, size, View } from './collections.ts';
import { Timespan } from './timespan.ts';

/** Whether Python takes a value for true. */
export function isTrue(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (value === null || value === 0 || value === 0n || value === '') return false;
  if (typeof value !== 'object') return true;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Float) return value.value !== 0;
  if (value instanceof List) return value.items.length > 0;
  if (value instanceof SetValue) return value.items.size > 0;
  if (value instanceof Timespan) return value.microseconds !== 0n;
  if (value instanceof View) return size(value.of) > 0;
  return isMapping(value) ? size(value) > 0 : true;
}
