import type { ClientBase } from 'pg';

/** One privilege on the database itself, as `aclexplode` shows it. */
export interface DatabasePrivilege {
  grantor: string;
  /** Null for PUBLIC. */
  grantee: string | null;
  /** `CREATE`, `CONNECT` or `TEMPORARY`. */
  privilege: string;
  grantable: boolean;
}

/** One line of `pg_db_role_setting` for this database. */
export interface DatabaseSetting {
  /** Null for `ALTER DATABASE … SET`, else the role of `ALTER ROLE … IN DATABASE … SET`. */
  role: string | null;
  name: string;
  /** As the catalog keeps it: a list-valued setting is already quoted, element by element. */
  value: string;
}

/**
 * What belongs to a database and is not inside of it: `pg_restore` into a database of another name loses all of it
 * without a word. Kept in the index of a backup as `databases[].properties`, JSON as it stands here.
 */
export interface DatabaseProperties {
  name: string;
  owner: string;
  /** As `pg_encoding_to_char` says it: `UTF8`. */
  encoding: string;
  provider: 'libc' | 'icu' | 'builtin';
  /** `LC_COLLATE` and `LC_CTYPE`. */
  collate: string;
  ctype: string;
  /** The locale of ICU or of the builtin provider; null with libc. */
  locale: string | null;
  icu_rules: string | null;
  collation_version: string | null;
  tablespace: string;
  /** -1 for none. */
  connection_limit: number;
  allow_connections: boolean;
  is_template: boolean;
  comment: string | null;
  /** Null where the owner and PUBLIC have what they have by default. */
  privileges: DatabasePrivilege[] | null;
  /** In the order in which they were set. */
  settings: DatabaseSetting[];
  /** Whether a schema `public` exists: a new database has one, and a dump does not say that it was dropped. */
  has_public_schema: boolean;
  /** The same for the language, which every new database has. */
  has_plpgsql: boolean;
  /** Roles that own something in it, have privileges, or (`other`) are named in policies, mappings and settings. */
  roles: { name: string; uses: ('owner' | 'privileges' | 'other')[] }[];
  /** Tablespaces that its relations are in, besides the default one. */
  tablespaces: string[];
}

const providers: Readonly<Record<string, DatabaseProperties['provider']>> = {
  c: 'libc',
  i: 'icu',
  b: 'builtin',
};

// The columns of pg_database were renamed over the versions (daticulocale of 15 and 16 is datlocale since 17), and
// before 15 there was no provider: by way of JSON, a column that is not there is a null. What the bootstrap superuser
// (role 10) owns does not stand in pg_shdepend.
const propertiesQuery = `
SELECT d.datname AS name, pg_catalog.pg_get_userbyid(d.datdba) AS owner,
       pg_catalog.pg_encoding_to_char(d.encoding) AS encoding,
       coalesce(j ->> 'datlocprovider', 'c') AS provider,
       d.datcollate AS collate, d.datctype AS ctype,
       coalesce(j ->> 'datlocale', j ->> 'daticulocale') AS locale,
       j ->> 'daticurules' AS icu_rules, j ->> 'datcollversion' AS collation_version,
       t.spcname AS tablespace, d.datconnlimit AS connection_limit,
       d.datallowconn AS allow_connections, d.datistemplate AS is_template,
       pg_catalog.shobj_description(d.oid, 'pg_database') AS comment,
       CASE WHEN d.datacl IS NOT NULL THEN coalesce((
         SELECT json_agg(json_build_object('grantor', pg_catalog.pg_get_userbyid(a.grantor),
                  'grantee', CASE WHEN a.grantee <> 0 THEN pg_catalog.pg_get_userbyid(a.grantee) END,
                  'privilege', a.privilege_type, 'grantable', a.is_grantable) ORDER BY a.n)
         FROM pg_catalog.aclexplode(d.datacl) WITH ORDINALITY
              AS a(grantor, grantee, privilege_type, is_grantable, n)), '[]') END AS privileges,
       coalesce((
         SELECT json_agg(json_build_object(
                  'role', CASE WHEN s.setrole <> 0 THEN pg_catalog.pg_get_userbyid(s.setrole) END,
                  'name', split_part(c.entry, '=', 1),
                  'value', substr(c.entry, strpos(c.entry, '=') + 1)) ORDER BY s.setrole, c.n)
         FROM pg_catalog.pg_db_role_setting s, unnest(s.setconfig) WITH ORDINALITY AS c(entry, n)
         WHERE s.setdatabase = d.oid), '[]') AS settings,
       EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'public') AS has_public_schema,
       EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'plpgsql') AS has_plpgsql,
       coalesce((
         SELECT json_agg(json_build_object('name', u.name, 'uses', u.uses) ORDER BY u.name COLLATE "C")
         FROM (SELECT r.rolname AS name, json_agg(DISTINCT v.use) AS uses FROM (
           SELECT s.refobjid, CASE WHEN s.deptype = 'o' AND s.classid <> 'pg_catalog.pg_default_acl'::regclass
                  THEN 'owner' WHEN s.deptype IN ('o', 'a', 'i') THEN 'privileges' ELSE 'other' END
           FROM pg_catalog.pg_shdepend s WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass
             AND (s.dbid = d.oid OR (s.dbid = 0 AND s.classid = 'pg_catalog.pg_database'::regclass AND s.objid = d.oid))
           UNION ALL SELECT d.datdba, 'owner'
           UNION ALL SELECT 10, 'owner' WHERE EXISTS (
             SELECT FROM (SELECT oid, relowner FROM pg_catalog.pg_class
                          UNION ALL SELECT oid, proowner FROM pg_catalog.pg_proc
                          UNION ALL SELECT oid, typowner FROM pg_catalog.pg_type
                          UNION ALL SELECT oid, nspowner FROM pg_catalog.pg_namespace
                          UNION ALL SELECT oid, lomowner FROM pg_catalog.pg_largeobject_metadata) AS o(oid, owner)
             WHERE o.owner = 10 AND o.oid >= 16384
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend x WHERE x.objid = o.oid AND x.deptype IN ('e', 'i')))
           UNION ALL SELECT s.setrole, 'other' FROM pg_catalog.pg_db_role_setting s WHERE s.setdatabase = d.oid
           UNION ALL SELECT m.umuser, 'other' FROM pg_catalog.pg_user_mappings m) AS v(oid, use)
         JOIN pg_catalog.pg_roles r ON r.oid = v.oid WHERE r.rolname !~ '^pg_' GROUP BY r.rolname) u), '[]') AS roles,
       coalesce((
         SELECT json_agg(DISTINCT s.spcname) FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
         WHERE s.spcname NOT IN ('pg_global', 'pg_default')), '[]') AS tablespaces
FROM pg_catalog.pg_database d
JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace,
     LATERAL (SELECT to_jsonb(d)) AS x(j)
WHERE d.datname = pg_catalog.current_database()`;

/**
 * The properties of the database that the client is connected to. Any role may read them; it runs inside of a
 * transaction that is open, so that they belong to its snapshot.
 */
export async function readProperties(client: Pick<ClientBase, 'query'>): Promise<DatabaseProperties> {
  const { rows } = await client.query<Omit<DatabaseProperties, 'provider'> & { provider: string }>(
    propertiesQuery,
  );
  const row = rows[0];
  if (row === undefined) throw new Error('the catalog does not know the database that it is in');
  return { ...row, provider: providers[row.provider] ?? 'libc' };
}
