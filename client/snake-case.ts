/** Values whose keys are somebody's data, or snake case already: they are handed on as they are. */
const opaque = new Set([
  'input',
  'output',
  'workflowInput',
  'workflowParams',
  'facts',
  'manifest',
  'details',
  'position',
  'selection',
  'params',
  'result',
  'published',
  'definition',
]);
const camelCase = /^[a-z][a-z0-9]*([A-Z][a-z0-9]*)+$/;

/** `nextExecutionTime` gives `next_execution_time`. */
export function snakeCase(name: string): string {
  return camelCase.test(name) ? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : name;
}

/** A value for `--json` and `--yaml`: snake_case keys, ISO 8601 times, null for what is not set. */
export function toDocument(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(toDocument);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      snakeCase(key),
      opaque.has(key) ? (item ?? null) : toDocument(item),
    ]),
  );
}
