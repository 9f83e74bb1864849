import { describe, expect, it } from 'vitest';
import { assertRestricts } from '../../engines/postgres/restore-fill.ts';
import { stockRestore } from '../../engines/postgres/stock-restore.ts';
import { databaseStream } from '../../engines/postgres/stream-name.ts';
import type { Manifest } from '../../repository/manifest.ts';

const linesFor = (name: string) =>
  stockRestore({
    tools: [],
    objects: [{ stream: databaseStream(name), segment: 0 }],
    contents: [{ name, stream: databaseStream(name), size: 1 }],
  } as unknown as Manifest).join('\n');

describe('the commands of --how-to-restore', () => {
  it('give age no option where a name begins with a dash', () => {
    expect(linesFor('-rf')).toContain('for f in ./-rf.pgc.zst.0000.age;');
  });

  it.each([
    ['a\nrm -rf ~', '"a\\nrm -rf ~"'],
    ['\u001b[2Jx', '"\\u001b[2Jx"'],
    ['\u009b2J\u007f\u202e\u2028', '"\\u009b2J\\u007f\\u202e\\u2028"'],
    ['$(id)`id`', '"$(id)`id`"'],
  ])('show the name %j in a comment of one line, and nowhere else', (name, shown) => {
    const lines = linesFor(name).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[2]).toBe(`# database ${shown}`);
    expect(lines[3]).toMatch(
      /^\{ for f in [\w./%-]+; do age -d -i identity\.txt "\$f" \|\| exit 1; done \| zstd -dc; \} \| pg_restore --exit-on-error --create --dbname=postgres$/,
    );
  });
});

describe('a dump that goes through psql', () => {
  it('is refused where psql would run what the dump says', () => {
    expect(() => assertRestricts('17.5')).toThrow(/CVE-2025-8714/);
    expect(() => assertRestricts('17.0')).toThrow(/CVE-2025-8714/);
    for (const version of ['17.6', '17.10', '18.0', '19beta1'])
      expect(() => assertRestricts(version)).not.toThrow();
  });
});
