import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What a folder may import from other folders; `types` for types alone. Everything may import `errors`. */
const rules: Record<string, { code: string[]; types?: string[]; packages?: RegExp }> = {
  cli: {
    code: [
      'client',
      'config',
      'workbooks',
      'engines/registry.ts',
      'repository/keys.ts',
      'worker/platform.ts',
      'worker/main.ts',
      'worker/recovery/recover.ts',
    ],
    types: ['repository', 'engines', 'workflows', 'worker/recovery'],
    packages: /^(yargs-parser|yaml|get-east-asian-width|node:.*)$/,
  },
  server: { code: ['client', 'config'], types: ['repository', 'workflows'] },
  client: {
    // The seam of the engines: which URL is whose, and how to restore with stock tools.
    code: [
      'repository',
      'config',
      'cron',
      'freshness',
      'workbooks',
      'workflows/types.ts',
      'workflows/workbooks/types.ts',
      'engines/registry.ts',
    ],
    types: ['engines', 'workflows'],
    packages: /^(@temporalio\/(client|common|envconfig|proto)(\/.*)?|cron-parser|uuid|zod|node:.*)$/,
  },
  workflows: {
    // The language of workbooks: deterministic, and importing nothing but itself.
    code: ['workbooks/actions', 'workbooks/engine', 'workbooks/expressions', 'workbooks/language'],
    types: ['engines', 'repository', 'activities'],
    packages: /^(@temporalio\/(workflow|common)|uuid)$/,
  },
  activities: {
    code: [
      'engines',
      'repository',
      'config',
      'freshness',
      'workbooks',
      'workflows/types.ts',
      'workflows/workbooks/types.ts',
    ],
    types: ['workflows', 'worker'],
  },
  // The layout is names alone: how to restore with stock tools has to say where things are.
  // And the readers of unsealed bytes give their memory back.
  engines: { code: ['repository/layout.ts', 'repository/spent.ts'], types: ['repository'] },
  repository: { code: [] },
  // When the next good backup has to be there: for who watches from within, and from outside.
  freshness: { code: ['cron', 'repository'], types: ['workflows'], packages: /^(zod)$/ },
  cron: { code: [], packages: /^(cron-parser)$/ },
  config: { code: ['repository'] },
  // Runs inside of workflows too: no clock, no chance, no input or output but what it is handed.
  workbooks: { code: [], packages: /^(re2js|yaml)$/ },
  errors: { code: [], packages: /^$/ },
};

interface Import {
  file: string;
  target: string;
  typeOnly: boolean;
}

/** Imports and re-exports of a file, dynamic ones too. `import { type A }` alone counts as types. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const found: Import[] = [];
  const statement = /^(?:import|export)\s+(type\s+)?((?:[\w$*\s,]|\{[^}]*\})*?)\s*from\s+'([^'\n]+)'/gm;
  for (const [, type, names, target] of text.matchAll(statement)) {
    const listed = /^\{([^}]*)\}$/.exec(names?.trim() ?? '')?.[1]?.split(',') ?? [];
    const allTypes =
      listed.some((name) => name.trim()) && listed.every((name) => /^\s*(type\s|$)/.test(name));
    found.push({ file, target: target ?? '', typeOnly: type !== undefined || allTypes });
  }
  for (const [, target] of text.matchAll(/^import\s+'([^'\n]+)'/gm)) {
    found.push({ file, target: target ?? '', typeOnly: false });
  }
  for (const [, target] of text.matchAll(/\bimport\('([^']+)'\)/g)) {
    const typeQuery = text.includes(`typeof import('${target}')`);
    found.push({ file, target: target ?? '', typeOnly: typeQuery });
  }
  return found;
}

function complaint({ file, target, typeOnly }: Import): string | undefined {
  const folder = file.split('/')[0] ?? '';
  const rule = rules[folder];
  if (rule === undefined) return undefined;
  if (!target.startsWith('.')) {
    if (rule.packages === undefined || typeOnly || rule.packages.test(target)) return undefined;
    return `${file} imports the package ${target}`;
  }
  const path = posix.normalize(posix.join(dirname(file), target));
  const home = path.split('/')[0] ?? '';
  if (home === folder || home === 'errors' || home === 'package.json') return undefined;
  const allowed = [...rule.code, ...(typeOnly ? (rule.types ?? []) : [])];
  if (allowed.some((place) => path === place || path.startsWith(`${place}/`))) return undefined;
  return `${file} imports ${path}${typeOnly ? '' : ', and not for its types alone'}`;
}

describe('imports point one way', () => {
  test.each(Object.keys(rules))('%s', async (folder) => {
    const complaints: string[] = [];
    for await (const file of glob(`${folder}/**/*.ts`, { cwd: root })) {
      complaints.push(...importsOf(file).flatMap((each) => complaint(each) ?? []));
    }
    expect(complaints).toEqual([]);
  });

  test('a wrong one would be found', () => {
    const wrong = { file: 'workflows/x.ts', target: '../client/client.ts', typeOnly: false };
    expect(complaint(wrong)).toContain('workflows/x.ts imports client/client.ts');
    expect(complaint({ file: 'cli/x.ts', target: '../repository/store.ts', typeOnly: true })).toBeUndefined();
    expect(complaint({ file: 'cli/x.ts', target: '../repository/store.ts', typeOnly: false })).toBeDefined();
    expect(complaint({ file: 'cli/x.ts', target: '@temporalio/client', typeOnly: false })).toBeDefined();
  });
});
