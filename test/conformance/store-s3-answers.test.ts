import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { tombstone } from '../../repository/deletion.ts';
import { claimEpoch, newestEpoch } from '../../repository/epochs.ts';
import { addMark, readMarks } from '../../repository/marks.ts';
import { pin } from '../../repository/pins.ts';
import { SigningKey } from '../../repository/signing.ts';
import { openStore } from '../../repository/stores/open.ts';
import type { ProxiedRequest } from '../servers/http-proxy.ts';
import { proxiedS3 } from './proxied-s3.ts';
import { instant, newKeys } from './repository-fixture.ts';
import { bytesOf, collect, keysOf, s3Config, sendPart } from './stores.ts';

const isList = ({ url }: ProxiedRequest) => url.includes('list-type');
const anything = () => true;
const error = (status: number, code: string) => ({
  kind: 'answer' as const,
  status,
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>m</Message></Error>`,
});

/** Answers with status 200 that no S3 server gives: what a captive portal, a broken proxy or a cut connection makes. */
const nonsense = [
  '',
  '<html><body>Please log in</body></html>',
  '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>backups</Name><IsTrunc',
  '{"ok":true}',
];

describe('the s3 store and answers that are none', () => {
  const s3 = proxiedS3();

  test.each(nonsense)(
    'takes %j with status 200 neither for a list nor for a written object',
    async (body) => {
      const prefix = `nonsense/${nonsense.indexOf(body)}`;
      await s3.direct.create(`${prefix}/there`, bytesOf(10));
      const once = () => s3.proxy.fault(anything, { kind: 'answer', status: 200, body });
      once();
      expect(await keysOf(s3.store, `${prefix}/`)).toEqual([`${prefix}/there`]);
      once();
      expect(await collect(s3.store.listFolders('nonsense/'))).toContain(String(nonsense.indexOf(body)));
      once();
      expect(await collect(s3.store.listUnfinished('nonsense/'))).toEqual([]);
      expect(s3.proxy.requests).toHaveLength(6);
      once();
      await s3.store.create(`${prefix}/new`, bytesOf(11));
      expect(await s3.direct.read(`${prefix}/new`)).toEqual(bytesOf(11));
      once();
      expect(await s3.store.stat(`${prefix}/new`)).toMatchObject({ size: 11 });
      once();
      expect(await s3.store.read(`${prefix}/new`)).toEqual(bytesOf(11));
      for (const step of ['begin', 'part', 'complete', 'head']) {
        const key = `${prefix}/parts-${step}`;
        if (step === 'begin') once();
        const writer = await s3.store.createMultipart(key);
        if (step === 'part') once();
        await sendPart(writer, 1, 5 * 2 ** 20, bytesOf(12));
        if (step === 'complete') once();
        if (step === 'head') {
          s3.proxy.fault(({ method }) => method === 'HEAD', { kind: 'answer', status: 200, body });
        }
        expect(await writer.complete()).toMatchObject({ size: 12 });
        expect(await s3.direct.read(key)).toEqual(bytesOf(12));
      }
    },
  );

  test('ends a list whose second page never comes with an error, and gets over one that comes late', async () => {
    const keys = ['a', 'b', 'c', 'd'].map((name) => `pages/${name}`);
    for (const key of keys) await s3.direct.create(key, bytesOf(1));
    for (const second of ['error', 'cut', 'reset'] as const) {
      const fault = s3.proxy.fault(isList, { kind: 'half-list', second });
      const listed = keysOf(s3.store, 'pages/');
      setTimeout(() => fault.remove(), 400);
      expect(await listed).toEqual(keys);
    }
    expect(s3.proxy.requests.length).toBeGreaterThan(8);
  });

  test('asks for credentials again when the store calls them expired, and says so when there are no others', async () => {
    const { accessKeyId, secretAccessKey } = s3.server;
    let asked = 0;
    const renewed = await openStore({
      ...s3Config(s3.server, s3.proxy.endpoint),
      credentials: async () => {
        asked += 1;
        return asked === 1 ? { accessKeyId: 'expired', secretAccessKey } : { accessKeyId, secretAccessKey };
      },
    });
    await renewed.create('renewed/object', bytesOf(4));
    expect(asked).toBe(2);
    await renewed.close();
    expect(await s3.direct.read('renewed/object')).toEqual(bytesOf(4));
    s3.proxy.fault(anything, error(403, 'ExpiredToken'), 100);
    await expect(keysOf(s3.store)).rejects.toMatchObject({
      code: 'credentials',
      retryable: true,
      message: expect.stringContaining('the session token has expired'),
    });
  });

  test('gets over one answer that calls the clock wrong, and says so of many', async () => {
    const skewed = {
      ...error(403, 'RequestTimeTooSkewed'),
      headers: { date: new Date(Date.now() + 86_400_000).toUTCString() },
    };
    s3.proxy.fault(anything, skewed);
    await s3.store.create('skewed/object', bytesOf(4));
    expect(await s3.direct.read('skewed/object')).toEqual(bytesOf(4));
    s3.proxy.fault(anything, skewed, 100);
    await expect(keysOf(s3.store)).rejects.toMatchObject({ code: 'credentials', retryable: true });
    s3.proxy.heal();
    expect(await keysOf(s3.store, 'skewed/')).toEqual(['skewed/object']);
  });

  test('knows the newest epoch, its own marks and its own lost answer though lists are old', async () => {
    const keys = await newKeys();
    const [platformId, backupId] = [randomUUID(), randomUUID()];
    const signingKey = new SigningKey(keys.signingKey ?? '');
    const trusted = new Set(keys.trusted);
    const claim = { platform: 'test', now: instant };
    await claimEpoch(s3.store, { ...claim, platformId: randomUUID() });
    await newestEpoch(s3.store);
    await readMarks(s3.store, trusted, backupId);
    // From here on every list is what it was.
    const old = s3.proxy.fault(isList, { kind: 'old-list' }, 1000);
    await claimEpoch(s3.direct, { ...claim, platformId: randomUUID() });
    await claimEpoch(s3.direct, { ...claim, platformId });
    expect(await newestEpoch(s3.store)).toMatchObject({ epoch: 3, platform_id: platformId });
    const writer = { store: s3.store, trusted, signingKey };
    const request = { backupId, instanceId: randomUUID(), by: 'test', at: instant };
    const stale = { code: 'unavailable', message: expect.stringContaining('lists what was there before') };
    await expect(pin(writer, { ...request, holder: 'restore' })).rejects.toMatchObject(stale);
    await expect(tombstone(writer, { ...request, platformId })).rejects.toMatchObject(stale);
    old.remove();
    s3.proxy.fault(({ method }) => method === 'PUT', { kind: 'lose-answer' });
    const mark = await addMark(s3.store, signingKey, { ...request, kind: 'hold', epoch: 3 });
    expect((await readMarks(s3.store, trusted, backupId)).map(({ id }) => id)).toContain(mark.id);
  });
});
