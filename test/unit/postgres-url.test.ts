import { describe, expect, test } from 'vitest';
import { conninfo, escapeForPassfile } from '../../engines/postgres/passfile.ts';
import { checkUrl, filesIn, parsePostgresUrl } from '../../engines/postgres/url.ts';
import { checkInstanceUrl, engineNamed } from '../../engines/registry.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';

const refusalOf = (url: string): BackupctlError => {
  try {
    checkUrl(url);
  } catch (error) {
    if (error instanceof BackupctlError) return error;
    throw error;
  }
  throw new Error(`${url} was accepted`);
};

describe('URLs of PostgreSQL', () => {
  test.each([
    ['postgres://u@h/db', 'postgres://u@h:5432/db'],
    ['postgresql://u@h:6432', 'postgres://u@h:6432'],
    ['postgres://u@h/', 'postgres://u@h:5432'],
    ['postgres://u@[::1]:5433/db', 'postgres://u@[::1]:5433/db'],
    ['postgres://o%3Au%40x@h/a%2Fb%20%C3%A9', 'postgres://o%3Au%40x@h:5432/a%2Fb%20%C3%A9'],
    ['postgres://u@/db?host=/run/postgresql', 'postgres://u@:5432/db?host=/run/postgresql'],
    ['postgres://u@%2Frun%2Fpg:5433', 'postgres://u@:5433/?host=/run/pg'],
    ['postgres://u@h/db?sslmode=require', 'postgres://u@h:5432/db?sslmode=require'],
    [
      'postgres://u@h?connect_timeout=3&sslrootcert=/ca.pem&sslmode=verify-ca',
      'postgres://u@h:5432/?sslmode=verify-ca&sslrootcert=/ca.pem&connect_timeout=3',
    ],
    [
      'postgres://u@h/db?sslkey=/k&sslcert=/c%20d&sslmode=require',
      'postgres://u@h:5432/db?sslmode=require&sslcert=/c%20d&sslkey=/k',
    ],
  ])('%s has the normal form %s, which is its own', (url, normal) => {
    expect(checkUrl(url)).toBe(normal);
    expect(checkUrl(normal)).toBe(normal);
    expect(parsePostgresUrl(normal)).toEqual(parsePostgresUrl(url));
  });

  test.each([
    'postgres://u:hunter2@h/db',
    'postgres://u:hunter2@/db',
    'postgres://u:@h/db',
    'postgres://u:hun@ter2@h/db',
    'postgres://u:hunter2/x@h/db',
    'postgres://u:hunter2#x@h/db',
    'postgres://u@h/db?password=hunter2',
    'postgres://u@h/db?PASSWORD=hunter2',
    'postgres://u@h/db?sslpassword=hunter2',
    'postgres://u@h/db?hunter2',
    'postgres://u@h/db?sslmode=hunter2',
    'hunter2://u@h',
  ])('%s is refused as usage, and the refusal does not repeat it', (url) => {
    const error = refusalOf(url);
    expect(error.code).toBe('usage');
    if (!url.includes('?hunter2')) expect(`${error.message} ${error.hint}`).not.toContain('hunter2');
  });

  test.each([
    ['postgres://h/db', 'no user'],
    ['postgres://u@/db', 'no host'],
    ['postgres://u@a,b/db', 'several hosts'],
    ['postgres://u@h/db?host=/x', 'two hosts'],
    ['postgres://u@h:0/db', 'port'],
    ['postgres://u@h:65536/db', 'port'],
    ['postgres://u@h:x/db', 'cannot be read'],
    ['postgres://u@h/db?application_name=x', 'application_name'],
    ['postgres://u@h/db?options=-cx', '"options"'],
    ['postgres://u@h/db?sslmode=verify-full', 'whom to trust'],
    ['postgres://u@h/db?sslmode=require&sslmode=disable', 'twice'],
    ['postgres://u@h/db?sslcert=/c', 'go together'],
    ['postgres://u@h/db?sslcert=/c&sslkey=k', 'not an absolute path'],
    ['postgres://u@h/db?sslcert=/c&sslkey=/k&sslmode=disable', 'turns it off'],
    ['postgres://u@h/%ZZ', 'percent-encoded'],
    ['postgres://u@h/%00', 'NUL'],
    [`postgres://u@h/${'x'.repeat(64)}`, '63 bytes'],
    ['', 'cannot be read'],
  ])('%s is refused: %s', (url, why) => {
    expect(refusalOf(url)).toMatchObject({ code: 'usage', message: expect.stringContaining(why) });
  });
});

test('the file of certificates that a URL names is told, so that it can be refused', () => {
  expect(filesIn('postgres://u@h/?sslmode=verify-ca&sslrootcert=/a%20b')).toEqual(['/a b']);
  expect(filesIn('postgres://u@h/?sslcert=/c&sslkey=/k')).toEqual(['/c', '/k']);
  expect(filesIn('postgres://u@h/?sslmode=verify-full&sslrootcert=system')).toEqual([]);
});

test('a passfile escapes what separates its fields, and cannot hold a line break', () => {
  expect(escapeForPassfile('a:b\\c')).toBe('a\\:b\\\\c');
  expect(() => escapeForPassfile('a\nb')).toThrow(/line break/);
});

test("a database's name is never read as a connection string", () => {
  expect(conninfo("x=y'\\")).toBe("dbname='x=y\\'\\\\'");
});

test('engines are found by scheme and name, and an unknown URL is not repeated', async () => {
  await expect(checkInstanceUrl('oracle://u:hunter2@h')).rejects.toThrow(
    expect.objectContaining({ code: 'usage', message: expect.not.stringContaining('hunter2') }),
  );
  await expect(engineNamed('oracle')).rejects.toMatchObject({ code: 'unsupported' });
  expect((await checkInstanceUrl('postgresql://u@h')).engine).toBe('postgres');
});
