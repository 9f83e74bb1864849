import { visible } from './visible.ts';

/** What a table shows for a value: `None` for nothing, UTC for a time, Python's JSON for an object. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value instanceof Date) return utc(value);
  if (typeof value === 'object') return visible(pythonJson(value));
  return visible(String(value));
}

/** `2016-06-14 14:47:16`, in UTC. */
export function utc(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}

/** `2016-06-14 14:47:16.865000`: with microseconds, as Python prints a time that has a fraction. */
export function utcMicroseconds(time: Date): string {
  return `${time.toISOString().slice(0, 23).replace('T', ' ')}000`;
}

/** JSON with a space after each comma and colon, as Python's `json.dumps` writes it; letters stay UTF-8. */
export function pythonJson(value: unknown): string {
  if (value instanceof Date) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => pythonJson(item ?? null)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).filter(([, item]) => item !== undefined);
    return `{${pairs.map(([key, item]) => `${JSON.stringify(key)}: ${pythonJson(item)}`).join(', ')}}`;
  }
  return JSON.stringify(value ?? null);
}
