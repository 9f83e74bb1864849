import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { withoutRepeatedData } from '../../engines/process/repeated-data.ts';
import { StderrTail } from '../../engines/process/stderr-tail.ts';

describe('what a tool repeats of statements and rows', () => {
  test.each([
    [
      'a statement of one line',
      `pg_restore: error: could not execute query: ERROR:  role "x" does not exist\nCommand was: CREATE USER MAPPING FOR x SERVER s OPTIONS (\n    password 'SECRET',\n    "user" 'x'\n);\n\n\npg_restore: warning: errors ignored: 1`,
      `pg_restore: error: could not execute query: ERROR:  role "x" does not exist\nCommand was: CREATE USER MAPPING FOR x SERVER s OPTIONS ( …\npg_restore: warning: errors ignored: 1`,
    ],
    [
      'a statement with its secret in the first words',
      `Command was: ALTER ROLE x PASSWORD 'SECRET';`,
      `Command was: ALTER ROLE x PASSWORD …`,
    ],
    [
      'a row that a check refuses',
      `pg_restore: error: COPY failed for table "t": ERROR:  new row for relation "t" violates check constraint "c"\nDETAIL:  Failing row contains (1, SECRET).\nCONTEXT:  COPY t, line 1: "1\tSECRET"`,
      `pg_restore: error: COPY failed for table "t": ERROR:  new row for relation "t" violates check constraint "c"\nDETAIL:  Failing row contains (…).\nCONTEXT:  COPY t, line 1`,
    ],
    [
      'a key that is there twice',
      `psql:<stdin>:3: ERROR:  duplicate key value violates unique constraint "k"\nDETAIL:  Key (token)=(SECRET) already exists.`,
      `psql:<stdin>:3: ERROR:  duplicate key value violates unique constraint "k"\nDETAIL:  Key (token)=(…) already exists.`,
    ],
    [
      'a line with a caret',
      `ERROR:  syntax error at or near "x"\nLINE 1: ALTER ROLE y PASSWORD 'SECRET' x;\n                                        ^`,
      `ERROR:  syntax error at or near "x"\nLINE 1: …`,
    ],
    ['the words of a program', 'pg_dump: error: permission denied', 'pg_dump: error: permission denied'],
  ])('is left out of %s', (_what, text, kept) => {
    expect(withoutRepeatedData(text)).toBe(kept);
  });

  test('is left out where only the end of a long statement was kept', async () => {
    const stream = Readable.from([
      Buffer.from(
        `pg_restore: error: no\nCommand was: CREATE FUNCTION f() AS '\n${'x\n'.repeat(40_000)} SECRET\n`,
      ),
      Buffer.from(`more of the SECRET\n';\npg_restore: warning: the end\n`),
    ]);
    const tail = new StderrTail(stream);
    await new Promise((resolve) => stream.once('end', resolve));
    expect(tail.lines(20)).toEqual(['Command was: …', 'pg_restore: warning: the end']);
  });

  test('and what was said before it is kept, where the end of it is all there was', async () => {
    const stream = Readable.from([
      Buffer.from(
        'pg_dump: error: query failed: ERROR:  out of shared memory\npg_dump: detail: Query was: LOCK ',
      ),
      Buffer.from(`${'TABLE x, '.repeat(40_000)}\n`),
    ]);
    const tail = new StderrTail(stream);
    await new Promise((resolve) => stream.once('end', resolve));
    expect(tail.lines(20)).toEqual(['pg_dump: error: query failed: ERROR:  out of shared memory']);
  });
});
