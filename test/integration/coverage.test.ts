import { afterAll, beforeAll, expect, test } from 'vitest';
import { engineEntries, factsOf } from '../../engines/registry.ts';
import { openShop, type Shop } from './fixture.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ rows: 10 });
});
afterAll(() => shop?.stop());

const show = async (...flags: string[]) =>
  (await shop.platform.cli(['instance-show', 'orders', ...flags])).stdout;

test('instance-show --long lists in words what a backup will contain, and what not; without it, it does not', async () => {
  expect(await show()).not.toContain('contains');
  const long = await show('--long');
  expect(long).toContain('A backup of it contains\n  - the database shop as of one instant, with all rows\n');
  expect(long).toMatch(
    /and does not contain\n( {2}- .*\n)*.*roles and tablespaces: they belong to the server/,
  );
});

test('the part that the newest schedule takes is what is listed', async () => {
  await shop.platform.json(['schedule-create', 'orders', '0 0 1 1 *', 'whole']);
  expect(await show('--long')).toContain('A backup of it contains');
  await shop.platform.json([
    ...['schedule-create', 'orders', '0 0 1 1 *', 'part'],
    ...['--include', 'public', '--exclude', 'public.logs', '--schema-only'],
  ]);
  const long = await show('--long');
  expect(long).toContain('A backup of it by the schedule part contains');
  expect(long).toContain('as of one instant, without rows');
  expect(long).toContain('  - of it only public\n');
  expect(long).toContain('  - public.logs, which is left out\n');
  const { coverage } = await shop.platform.json<{ coverage: Record<string, unknown> }>([
    ...['instance-show', 'orders', '--long'],
  ]);
  expect(coverage).toMatchObject({ schedule: 'part', warning: null, contains: expect.any(Array) });
});

test('it is said while Temporal is away, as far as it is known then', async () => {
  await shop.platform.kill9('everything');
  const { code, stdout, stderr } = await shop.platform.cli(['instance-show', 'orders', '--long']);
  expect(code).toBe(0);
  expect(stdout).toContain('A backup of it contains');
  expect(stderr).toContain('its schedules, which may take a part only, could not be asked');
});

test.each(engineEntries.map(({ name }) => name))(
  '%s says what it takes and what it leaves, for each form of its URLs',
  async (name) => {
    const { urlForms, coverage, checkUrl, capabilities } = await factsOf(name);
    for (const form of urlForms) {
      const [pattern = ''] = form.split(/[ ;]/);
      const url = checkUrl(pattern.replace('PORT', '1234').replace(/\[.*?\]/g, ''));
      const { contains, lacks } = coverage(url, {});
      expect([...contains, ...lacks].every((line) => line.length > 10)).toBe(true);
      expect([contains.length > 0, lacks.length > 0], pattern).toEqual([true, true]);
      if (capabilities.selection.exclude !== null) {
        expect(coverage(url, { exclude: ['left-out'] }).lacks.join()).toContain('left-out');
      }
      if (capabilities.selection.include !== null) {
        expect(coverage(url, { include: ['taken'] }).contains.join()).toContain('taken');
      }
      if (capabilities.selection.schemaOnly) {
        expect(coverage(url, { schema_only: true })).not.toEqual({ contains, lacks });
      }
      if (capabilities.selection.dataOnly) {
        expect(coverage(url, { data_only: true })).not.toEqual({ contains, lacks });
      }
    }
  },
);
