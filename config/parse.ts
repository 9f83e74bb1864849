import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { type KnownKeys, type Problem, problemsOf } from './problems.ts';
import { type ConfigDocument, configSchema } from './schema.ts';

/**
 * The document of a configuration file.
 * @throws BackupctlError configuration, one line: the file, the line, the key, the bad value, what was expected,
 *   and how many more problems there are
 */
export function parseConfig(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntax = document.errors.map((error) => ({
    line: lines.linePos(error.pos[0]).line,
    text: error.message.replace(/\s+/g, ' '),
  }));
  if (syntax.length > 0) throw wrong(file, syntax);
  const parsed = configSchema.safeParse(valueOfDocument(document, file) ?? {});
  if (!parsed.success) throw wrong(file, problemsOf(parsed.error, document, lines, knownKeys));
  return parsed.data;
}

/** The plain value; aliases that would unfold to something huge are refused. */
function valueOfDocument(document: ReturnType<typeof parseDocument>, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new BackupctlError('configuration', `${file}: ${messageOf(cause)}`, {
      hint: 'write the values out, without anchors and aliases',
      cause,
    });
  }
}

function wrong(file: string, problems: Problem[]): BackupctlError {
  const [first, ...others] = problems;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return new BackupctlError('configuration', `${file}:${first?.line}: ${first?.text}${more}`, {
    hint: 'docs/configuration.md lists every key',
  });
}

/** Keys of the section at a path, as the schema has them. */
const knownKeys: KnownKeys = (path) => {
  let here: unknown = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });
  for (const key of path) {
    const branches = branchesOf(here);
    here = branches.map(
      (branch) => branch.properties?.[String(key)] ?? branch.additionalProperties ?? branch.items,
    );
    here = (here as unknown[]).find((next) => typeof next === 'object' && next !== null);
  }
  return [...new Set(branchesOf(here).flatMap((branch) => Object.keys(branch.properties ?? {})))];
};

interface SchemaNode {
  properties?: Record<string, unknown>;
  additionalProperties?: unknown;
  items?: unknown;
  anyOf?: SchemaNode[];
  oneOf?: SchemaNode[];
}

function branchesOf(node: unknown): SchemaNode[] {
  if (typeof node !== 'object' || node === null) return [];
  const schema = node as SchemaNode;
  return schema.anyOf ?? schema.oneOf ?? [schema];
}
