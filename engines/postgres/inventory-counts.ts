/** A kind of object: which catalog, its alias and conditions, and the column that holds its schema. */
interface Kind {
  kind: string;
  catalog: string;
  schema?: string;
  where?: string;
}

const relation = (kind: string, relkinds: string): Kind => ({
  kind,
  catalog: 'pg_class',
  schema: 'relnamespace',
  where: `o.relkind IN (${relkinds}) AND o.relpersistence <> 't'`,
});
const routine = (kind: string, prokind: string): Kind => ({
  kind,
  catalog: 'pg_proc',
  schema: 'pronamespace',
  where: `o.prokind = '${prokind}'`,
});
const type = (kind: string, typtype: string): Kind => ({
  kind,
  catalog: 'pg_type',
  schema: 'typnamespace',
  where: `o.typtype = '${typtype}'`,
});
const constraint = (kind: string, contype: string): Kind => ({
  kind,
  catalog: 'pg_constraint',
  schema: 'connamespace',
  where: `o.contype = '${contype}'`,
});

/**
 * Kinds whose number is the same before a dump and after its restore, also on a newer server. Therefore not-null
 * constraints are absent (18 keeps them in pg_constraint, older ones do not), and so are the types that stand for a
 * table's rows and for arrays.
 */
const kinds: readonly Kind[] = [
  {
    kind: 'schema',
    catalog: 'pg_namespace',
    where: `o.nspname !~ '^pg_' AND o.nspname <> 'information_schema'`,
  },
  relation('table', `'r', 'p'`),
  relation('index', `'i', 'I'`),
  relation('sequence', `'S'`),
  relation('view', `'v'`),
  relation('materialized view', `'m'`),
  relation('foreign table', `'f'`),
  relation('composite type', `'c'`),
  type('enum', 'e'),
  type('domain', 'd'),
  type('range', 'r'),
  routine('function', 'f'),
  routine('procedure', 'p'),
  routine('aggregate', 'a'),
  routine('window function', 'w'),
  constraint('check constraint', 'c'),
  constraint('foreign key', 'f'),
  constraint('primary key', 'p'),
  constraint('unique constraint', 'u'),
  constraint('exclusion constraint', 'x'),
  { kind: 'trigger', catalog: 'pg_trigger', where: 'NOT o.tgisinternal' },
  { kind: 'event trigger', catalog: 'pg_event_trigger' },
  { kind: 'rule', catalog: 'pg_rewrite' },
  { kind: 'policy', catalog: 'pg_policy' },
  { kind: 'default', catalog: 'pg_attrdef' },
  { kind: 'operator', catalog: 'pg_operator', schema: 'oprnamespace' },
  { kind: 'operator class', catalog: 'pg_opclass', schema: 'opcnamespace' },
  { kind: 'operator family', catalog: 'pg_opfamily', schema: 'opfnamespace' },
  { kind: 'cast', catalog: 'pg_cast' },
  { kind: 'transform', catalog: 'pg_transform' },
  { kind: 'conversion', catalog: 'pg_conversion', schema: 'connamespace' },
  { kind: 'collation', catalog: 'pg_collation', schema: 'collnamespace' },
  { kind: 'language', catalog: 'pg_language' },
  { kind: 'access method', catalog: 'pg_am' },
  { kind: 'text search configuration', catalog: 'pg_ts_config', schema: 'cfgnamespace' },
  { kind: 'text search dictionary', catalog: 'pg_ts_dict', schema: 'dictnamespace' },
  { kind: 'text search parser', catalog: 'pg_ts_parser', schema: 'prsnamespace' },
  { kind: 'text search template', catalog: 'pg_ts_template', schema: 'tmplnamespace' },
  { kind: 'foreign data wrapper', catalog: 'pg_foreign_data_wrapper' },
  { kind: 'foreign server', catalog: 'pg_foreign_server' },
  { kind: 'publication', catalog: 'pg_publication' },
  { kind: 'extended statistics', catalog: 'pg_statistic_ext', schema: 'stxnamespace' },
  { kind: 'large object', catalog: 'pg_largeobject_metadata' },
];

/** Objects with a schema or below 16384 that initdb made are the system's own. */
const firstUserOid = 16384;

const simple = (kind: string, text: string): string => `SELECT '${kind}' AS kind, (${text})::int AS count`;

/**
 * One statement that counts the objects of the current database by kind: rows of `kind` and `count`.
 * @param notOfExtension builds the condition that an object does not belong to an extension
 */
export function countQueries(notOfExtension: (catalog: string, oid: string) => string): string {
  const counts = kinds.map(({ kind, catalog, schema, where }) => {
    const conditions = [notOfExtension(catalog, 'o.oid')];
    if (kind !== 'schema' && kind !== 'large object') conditions.push(`o.oid >= ${firstUserOid}`);
    if (where !== undefined) conditions.push(where);
    if (schema !== undefined) {
      conditions.push(
        `o.${schema} NOT IN (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname ~ '^pg_(toast|temp)')`,
      );
    }
    return simple(kind, `SELECT count(*) FROM pg_catalog.${catalog} o WHERE ${conditions.join(' AND ')}`);
  });
  return [
    ...counts,
    simple('user mapping', 'SELECT count(*) FROM pg_catalog.pg_user_mappings'),
    simple('publication of a table', 'SELECT count(*) FROM pg_catalog.pg_publication_rel'),
    simple(
      'subscription',
      `SELECT count(*) FROM pg_catalog.pg_subscription WHERE subdbid =
        (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())`,
    ),
    simple('inheritance', `SELECT count(*) FROM pg_catalog.pg_inherits`),
    simple('default privileges', 'SELECT count(*) FROM pg_catalog.pg_default_acl'),
    simple(
      'column',
      `SELECT count(*) FROM pg_catalog.pg_attribute a
       JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
         AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
         AND ${notOfExtension('pg_class', 'c.oid')}`,
    ),
  ].join('\nUNION ALL\n');
}
