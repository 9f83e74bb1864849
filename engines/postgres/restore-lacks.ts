import type { RestoreRequest } from '../engine.ts';
import type { BackupDatabase } from './restore-backup.ts';
import type { TargetFacts } from './restore-server.ts';
import type { PostgresTools } from './tools.ts';

export interface Lacks {
  /** A line each, with what helps. */
  missing: string[];
  /** Those of them without which the restore would end in the middle, in short. */
  blockers: string[];
  warnings: string[];
}

/**
 * What the target lacks for a database: found before the start, since a missing role would end a restore in the middle.
 * @param comingRoles that `--globals` will create
 */
export function lacksOf(
  { name, properties, inventory }: BackupDatabase,
  request: RestoreRequest,
  server: TargetFacts,
  tools: PostgresTools,
  comingRoles: ReadonlySet<string>,
): Lacks {
  const lacks: Lacks = { missing: [], blockers: [], warnings: [] };
  const block = (line: string, short: string) => {
    lacks.missing.push(line);
    lacks.blockers.push(short);
  };

  for (const { name: role, uses } of properties?.roles ?? []) {
    if (server.roles.has(role) || comingRoles.has(role)) continue;
    const needed = uses.filter(
      (use) => !(use === 'owner' && request.noOwner) && !(use === 'privileges' && request.noPrivileges),
    );
    if (needed.length === 0) continue;
    const help = [
      ...(needed.includes('other') ? [] : [helpOf(needed)]),
      `CREATE ROLE "${role.replaceAll('"', '""')}"`,
      '--globals where the backup has them',
    ];
    block(`role ${role} (${needed.join(', ')} in ${name}): ${help.join(', or ')}`, `role ${role} is missing`);
  }
  for (const extension of inventory?.extensions ?? []) {
    const version = server.extensions.get(extension.name);
    if (version === undefined) {
      block(
        `extension ${extension.name} ${extension.version} (in ${name}): install it on the target's machine`,
        `extension ${extension.name} is missing`,
      );
    } else if (isOlder(version, extension.version)) {
      lacks.warnings.push(
        `extension ${extension.name} of ${name} was ${extension.version}; the target has ${version}, which may lack something`,
      );
    }
  }
  if (!request.noTablespaces) {
    for (const tablespace of new Set([
      properties?.tablespace ?? 'pg_default',
      ...(properties?.tablespaces ?? []),
    ])) {
      if (server.tablespaces.has(tablespace)) continue;
      block(
        `tablespace ${tablespace} (in ${name}): CREATE TABLESPACE there, or --no-tablespaces`,
        `tablespace ${tablespace} is missing`,
      );
    }
  }
  for (const need of inventory?.needs ?? []) {
    const there = need.feature === 'ICU' ? server.icu : server.major >= need.since;
    if (there) continue;
    const why =
      need.feature === 'ICU'
        ? 'the target was built without ICU'
        : `the target is ${server.version}, it came with ${need.since}`;
    block(`${need.feature} (${need.objects} in ${name}): ${why}`, `${need.feature}: ${why}`);
  }
  localesOf(lacks, { name, properties, server, block });
  for (const setting of properties?.settings ?? []) {
    if (setting.name.includes('.') || server.settings.has(setting.name)) continue;
    lacks.missing.push(`setting ${setting.name} (of ${name}): the target does not know it; it is left out`);
  }
  const major = Math.trunc(Number(properties === null ? tools.major : tools.major));
  if (server.major < major) {
    lacks.warnings.push(
      `the archive was written for a server ${major}, the target is ${server.version}: what it cannot take ends the restore, and leaves nothing behind`,
    );
  }
  return lacks;
}

function helpOf(uses: readonly string[]): string {
  return uses.map((use) => (use === 'owner' ? '--no-owner' : '--no-privileges')).join(' with ');
}

function localesOf(
  lacks: Lacks,
  {
    name,
    properties,
    server,
    block,
  }: {
    name: string;
    properties: BackupDatabase['properties'];
    server: TargetFacts;
    block: (line: string, short: string) => void;
  },
): void {
  if (properties === null) {
    lacks.warnings.push(
      `the index says nothing of ${name}: encoding, locale and settings will be the server's defaults`,
    );
    return;
  }
  if (properties.provider === 'icu' && !server.icu) {
    block(
      `locale ${properties.locale} of ICU (of ${name}): the target was built without ICU`,
      'the target has no ICU',
    );
  }
  if (properties.provider === 'builtin' && server.major < 17) {
    block(
      `locale ${properties.locale} of the builtin provider (of ${name}): the target is ${server.version}, it came with 17`,
      'the target has no builtin locale provider',
    );
  }
  for (const locale of new Set([properties.collate, properties.ctype])) {
    if (['C', 'POSIX'].includes(locale) || [...server.locales].some((known) => sameLocale(known, locale)))
      continue;
    lacks.missing.push(
      `locale ${locale} (of ${name}): the target's system may lack it; locale-gen ${locale} there`,
    );
  }
}

/** `en_US.UTF-8` and `en_US.utf8` are one. */
const sameLocale = (a: string, b: string) => normalise(a) === normalise(b);
const normalise = (locale: string) => locale.toLowerCase().replaceAll('-', '');

function isOlder(version: string, than: string): boolean {
  const parts = (text: string) => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [a, b] = [parts(version), parts(than)];
  for (let n = 0; n < Math.max(a.length, b.length); n += 1) {
    if ((a[n] ?? 0) !== (b[n] ?? 0)) return (a[n] ?? 0) < (b[n] ?? 0);
  }
  return false;
}
