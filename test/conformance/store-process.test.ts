import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../repository/stores/open.ts';
import { projectRoot } from '../servers/cache.ts';
import { startS3 } from '../servers/s3.ts';
import { collect, keysOf, s3Config } from './stores.ts';

/** Runs JavaScript against a store in a process of its own, behind the words of `wrapper`. */
function runWithStore(config: object, script: string, wrapper: readonly string[] = []) {
  const source = `
    import { openStore } from ${JSON.stringify(join(projectRoot, 'repository/stores/open.ts'))};
    import { PartPool } from ${JSON.stringify(join(projectRoot, 'repository/part-pool.ts'))};
    import { Uploader } from ${JSON.stringify(join(projectRoot, 'repository/uploader.ts'))};
    const store = await openStore(${JSON.stringify(config)});
    const options = { signal: new AbortController().signal, onConfirmed: (bytes) => confirmed(bytes) };
    let confirmed = () => {};
    ${script}`;
  const [command = '', ...words] = [...wrapper, process.execPath, '--input-type=module', '-e', source];
  return spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function outputOf(child: ReturnType<typeof runWithStore>): Promise<string> {
  let output = '';
  for await (const chunk of child.stdout) output += chunk;
  return output;
}

test('a killed upload leaves no object, only an unfinished write that can be ended', async () => {
  const server = await startS3();
  const directory = await mkdtemp(join(tmpdir(), 'backupctl-test-killed-'));
  try {
    for (const config of [
      s3Config(server),
      { type: 'filesystem' as const, path: join(directory, 'repository') },
    ]) {
      const child = runWithStore(
        config,
        `const uploader = await Uploader.begin(store, 'killed/object', new PartPool(), options);
         let sum = 0;
         confirmed = (bytes) => { sum += bytes; if (sum === 2 * 16 * 2 ** 20) process.kill(process.pid, 'SIGKILL'); };
         const chunk = Buffer.alloc(2 ** 20, 7);
         for (let written = 0; written < 48; written += 1) await uploader.write(chunk);
         setInterval(() => {}, 1000);`,
      );
      expect(await outputOf(child)).toBe('');
      const store = await openStore(config);
      expect(await keysOf(store)).toEqual([]);
      expect(await store.stat('killed/object')).toBeNull();
      const unfinished = await collect(store.listUnfinished(''));
      expect(unfinished.map(({ key }) => key)).toEqual(['killed/object']);
      for (const write of unfinished) await store.abortUnfinished(write);
      expect(await collect(store.listUnfinished(''))).toEqual([]);
      await store.close();
    }
  } finally {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }
});

test('an upload takes the same memory at eight times the size', { timeout: 120_000 }, async () => {
  const server = await startS3();
  try {
    const child = runWithStore(
      s3Config(server),
      `const pool = new PartPool(6, 5 * 2 ** 20);
       const upload = async (key, megabytes) => {
         let most = 0;
         confirmed = () => { most = Math.max(most, process.memoryUsage.rss()); };
         const uploader = await Uploader.begin(store, key, pool, options);
         for (let written = 0; written < megabytes * 16; written += 1) {
           await uploader.write(Buffer.alloc(65_536, written));
           if (written % 16 === 0) await new Promise(setImmediate);
         }
         await uploader.finish();
         await store.delete(key);
         return Math.round(most / 2 ** 20);
       };
       await upload('warm', 60);
       console.log(JSON.stringify([await upload('small', 60), await upload('large', 480)]));
       await store.close();`,
    );
    const [small, large] = JSON.parse(await outputOf(child)) as [number, number];
    expect(large).toBeLessThan(small * 1.1 + 10);
  } finally {
    await server.stop();
  }
});

test.skipIf(!canRun('faketime'))('a clock that is hours off changes neither requests nor times', async () => {
  const server = await startS3();
  try {
    for (const offset of ['+1h', '-3h']) {
      const child = runWithStore(
        s3Config(server),
        `const missing = await store.stat('missing');
         const { modified } = await store.create('clock/' + Date.now(), Buffer.from('x'));
         console.log(JSON.stringify([Date.now(), missing, modified.getTime()]));
         await store.close();`,
        ['faketime', '-f', offset],
      );
      const [clock, missing, modified] = JSON.parse(await outputOf(child)) as [number, null, number];
      expect(Math.abs(clock - Date.now())).toBeGreaterThan(3_000_000);
      expect(missing).toBeNull();
      expect(Math.abs(modified - Date.now())).toBeLessThan(60_000);
    }
  } finally {
    await server.stop();
  }
});

test('only a store in S3 loads the AWS SDK', async () => {
  const script = `
    const { createRequire } = await import('node:module');
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    console.log(loaded.some((path) => path.includes('client-s3')));`;
  const unused = { bucket: 'b00', endpoint: 'http://127.0.0.1:1', accessKeyId: 'a', secretAccessKey: 'b' };
  expect(await outputOf(runWithStore(s3Config(unused), script))).toBe('true\n');
  expect(await outputOf(runWithStore({ type: 'filesystem', path: '/nowhere' }, script))).toBe('false\n');
});

function canRun(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
