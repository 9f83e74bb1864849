import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunContext, Target } from '../../engines/engine.ts';
import { engine as files } from '../../engines/files/engine.ts';
import { engine as sqlite } from '../../engines/sqlite/engine.ts';
import { placeOf } from '../../engines/sqlite/restore-place.ts';

let ground: string;
beforeAll(() => {
  ground = realpathSync(mkdtempSync(join(tmpdir(), 'bu-run-id-')));
});
afterAll(() => rmSync(ground, { recursive: true, force: true }));

const log = { info: () => {}, warn: () => {}, error: () => {} };
const run = (executionId = crypto.randomUUID() as string): RunContext => ({
  ...{ executionId, log, scratch: '/nowhere', signal: new AbortController().signal },
});
const targetAt = (scheme: string, path: string): Target => ({
  ...{ instanceId: 'i', instanceName: 'n', password: null, url: `${scheme}://${path}` },
});

describe.each([
  ['files', files, 'file'],
  ['sqlite', sqlite, 'sqlite'],
] as const)('an id that leads out of a path, given to %s', (_name, engine, scheme) => {
  test('removes nothing, whatever is done in its name', async () => {
    const allowed = join(ground, scheme, 'a');
    const victim = join(ground, scheme, 'vic');
    for (const folder of [allowed, victim]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(victim, 'x.json'), '{}');
    const target = targetAt(scheme, join(allowed, 'd'));
    const line = { database: '', target: join(allowed, 'd'), status: 'restored' as const, note: '' };
    for (const id of ['/..', '/../a', '/../../vic', '/../..', '/../../vic/x', '', '.']) {
      const kept = { ...line, kept_as: join(allowed, 'd.before-') };
      const tried = [
        () => engine.cleanUp(target, id, run()),
        () => engine.forgetRestore(target, id, run()),
        () => engine.finishRestore(target, id, [], run()),
        () => engine.finishRestore(target, id, [{ ...line, kept_as: allowed }], run()),
        () => engine.finishRestore(target, id, [kept], run()),
      ];
      for (const attempt of tried) await attempt().catch(() => {});
      expect(existsSync(join(victim, 'x.json')) && existsSync(allowed), id).toBe(true);
    }
  });
});

describe.each([
  ['files', files, 'file'],
  ['sqlite', sqlite, 'sqlite'],
] as const)('restore-finish of %s', (_name, engine, scheme) => {
  test('removes nothing while what it was kept beside is not there', async () => {
    const folder = join(ground, `${scheme}-kept`);
    const [path, id] = [join(folder, 'd'), crypto.randomUUID()];
    const kept = `${path}.before-${id.slice(0, 8)}`;
    const make = (at: string) => (scheme === 'file' ? mkdirSync(at) : writeFileSync(at, ''));
    mkdirSync(folder);
    make(kept);
    const line = { database: '', target: path, status: 'restored' as const, kept_as: kept, note: '' };
    for (const restored of [[], [line]]) {
      await expect(engine.finishRestore(targetAt(scheme, path), id, restored, run())).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringContaining(kept),
      });
    }
    expect(existsSync(kept)).toBe(true);
    make(path);
    expect(await engine.finishRestore(targetAt(scheme, path), id, [line], run())).toHaveLength(1);
    expect([existsSync(kept), existsSync(path)]).toEqual([false, true]);
  });
});

test('a folder to restore into is the one that was allowed, with a link and `..` in its words too', () => {
  symlinkSync('/etc', join(ground, 'link'));
  const toDirectory = `${ground}/link/../inside`;
  expect(placeOf(targetAt('sqlite', '/x.db'), { toDirectory }).folder).toBe(join(ground, 'inside'));
});
