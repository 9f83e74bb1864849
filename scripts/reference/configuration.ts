import { z } from 'zod';
import { configSchema } from '../../config/schema.ts';
import { generatedNotice, table } from './markdown.ts';

/** The part of JSON Schema that the configuration's schema comes out as. */
interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  description?: string;
  pattern?: string;
  format?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
}

const columns = ['Key', 'What stands there', 'Meaning'];

/** The text of `docs/configuration.md`. */
export function configurationReference(): string {
  const schema = z.toJSONSchema(configSchema, { io: 'input' }) as Schema;
  const parts = Object.entries(schema.properties ?? {});
  const isSection = ({ type, oneOf }: Schema) => type === 'object' || oneOf !== undefined;
  const sections = parts
    .filter(([, part]) => isSection(part))
    .map(([key, part]) =>
      [
        `## ${key}`,
        ...(part.description === undefined ? [] : [sentence(part.description)]),
        table(columns, rowsOf(key, part)),
      ].join('\n\n'),
    );
  const single = parts.filter(([, part]) => !isSection(part)).flatMap(([key, part]) => rowsOf(key, part));
  return `${[
    '# Configuration',
    generatedNotice('`config/schema.ts`'),
    'One file, `backupctl.yaml`: the one of `--config` or `BACKUPCTL_CONFIG`, else that of the data directory; only where no\n' +
      'data directory is given, that of the working directory or of `~/.config/backupctl`. Every section may be left out. Relative\n' +
      'paths resolve against the file. A password is a reference, `{ file: … }` or `{ env: … }`, opened by the worker only.',
    'A mistake is one line that names the file, the line, the key, the bad value and what was expected.',
    ...sections,
    '## Keys outside of sections',
    'Sizes are such as `512MiB` or `1.5 GB`, times such as `90s`, `10m`, `1h30m` or `1d`.',
    table(columns, single),
  ].join('\n\n')}\n`;
}

/** A row for each key below `path`, in the order of the schema. */
function rowsOf(path: string, schema: Schema, required = false): string[][] {
  const alternatives = schema.oneOf ?? [];
  if (alternatives.length > 0) {
    return alternatives.flatMap((each) => rowsOfObject(path, each, ` (${kindOf(each)})`));
  }
  if (schema.properties !== undefined && !isReference(schema)) return rowsOfObject(path, schema, '');
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object') {
    return rowsOf(`${path}.NAME`, schema.additionalProperties);
  }
  const notes = [
    ...(required ? ['required'] : []),
    ...(isDefault(schema.default) ? [] : [`default: \`${JSON.stringify(schema.default)}\``]),
  ];
  const meaning = [schema.description, notes.length > 0 ? `[${notes.join(', ')}]` : undefined];
  return [[`\`${path}\``, wordsFor(schema), meaning.filter(Boolean).join(' ')]];
}

function rowsOfObject(path: string, schema: Schema, suffix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, part]) =>
    rowsOf(`${path}.${key}`, part, schema.required?.includes(key)).map(
      ([name = '', value = '', meaning = '']) => [
        `${name}${part.const === undefined ? suffix : ''}`,
        value,
        meaning,
      ],
    ),
  );
}

const isDefault = (value: unknown) => value === undefined || (Array.isArray(value) && value.length === 0);

/** `{ file: … }` alone: a value, not a section. */
function isReference({ properties }: Schema): boolean {
  const keys = Object.keys(properties ?? {});
  return keys.length === 1 && (keys[0] === 'file' || keys[0] === 'env');
}

function kindOf(schema: Schema): string {
  const constant = Object.values(schema.properties ?? {}).find((part) => part.const !== undefined);
  return `with \`${String(constant?.const)}\``;
}

function wordsFor(schema: Schema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(' or ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(wordsFor).join(' or ');
  if (schema.type === 'array')
    return `list of ${schema.items === undefined ? 'values' : plural(wordsFor(schema.items))}`;
  if (isReference(schema)) return `\`{ ${Object.keys(schema.properties ?? {})[0]}: … }\``;
  if (schema.type === 'boolean') return '`true` or `false`';
  if (schema.format === 'uri') return 'URL';
  if (schema.pattern !== undefined) return `text like \`${schema.pattern}\``;
  return schema.type === 'string' ? 'text' : (schema.type ?? 'value');
}

const plural = (value: string) => value.replace(/^text\b/, 'texts').replace(/^URL\b/, 'URLs');

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
