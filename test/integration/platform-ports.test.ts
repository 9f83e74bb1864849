import { chmod, mkdir, readFile, symlink } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram } from '../servers/cache.ts';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { freePort } from '../servers/port.ts';
import { startTemporal, type TemporalServer } from '../servers/temporal.ts';
import { createWorkspace, runCli, type Workspace } from '../servers/workspace.ts';

/** Another platform's server: what stands in the way answers as a Temporal would. */
let foreign: TemporalServer;
let work: Workspace;

beforeAll(async () => {
  foreign = await startTemporal();
  work = createWorkspace('ports');
});

afterAll(async () => {
  await foreign?.stop();
  await work?.remove();
});

/**
 * A program `temporal` that is slower than others: in its first lives, one for each flag, it finds the port of that flag
 * taken since it was chosen, by somebody who is a Temporal server too. Then it is the real one.
 */
async function slowTemporal(name: string, flags: readonly string[]) {
  const pids = work.path(`${name}.pids`);
  const lives = work.path(`${name}.lives`);
  const squatter = await work.file(
    `${name}.mjs`,
    `import { appendFileSync } from 'node:fs';
     import { connect, createServer } from 'node:net';
     const [port] = process.argv.slice(2);
     const pass = (socket) => {
       const to = connect(${foreign.port}, '127.0.0.1');
       socket.on('error', () => to.destroy()); to.on('error', () => socket.destroy());
       socket.pipe(to).pipe(socket);
     };
     createServer(pass).listen(Number(port), '127.0.0.1', () =>
       appendFileSync(${JSON.stringify(pids)}, process.pid + ' ' + port + '\\n'));
     setTimeout(() => process.exit(), 60_000);`,
  );
  const program = await work.file(
    `${name}-temporal`,
    `#!/bin/sh
     echo life >> ${lives}
     n=$(wc -l < ${lives})
     flag=$(printf '%s\\n' ${flags.join(' ')} | sed -n "$n"p)
     seen=
     for word in "$@"; do
       if [ -n "$flag" ] && [ "$seen" = "$flag" ]; then
         ${process.execPath} ${squatter} "$word" < /dev/null > /dev/null 2>&1 &
         until [ "$(cat ${pids} 2>/dev/null | wc -l)" -ge "$n" ]; do sleep 0.05; done
         sleep 1 # meanwhile the other one answers
       fi
       seen=$word
     done
     exec ${findProgram('temporal')} "$@"\n`,
  );
  await chmod(program, 0o755);
  const folder = work.path(`${name}-bin`);
  await mkdir(folder);
  await symlink(program, `${folder}/temporal`);
  const squatted = async () =>
    (await readFile(pids, 'utf8').catch(() => ''))
      .trim()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' ').map(Number) as [pid: number, port: number]);
  return {
    env: { PATH: `${folder}:${process.env.PATH}` },
    ports: async () => (await squatted()).map(([, port]) => port),
    async [Symbol.asyncDispose]() {
      for (const [pid] of await squatted()) process.kill(pid, 'SIGKILL');
    },
  };
}

describe('a port that was free when it was chosen, and is taken before Temporal binds it', () => {
  test('is chosen again where it was our choice, and no other server is taken for ours', async () => {
    await using slow = await slowTemporal('own', ['--port', '--ui-port']);
    let platform: Platform | undefined;
    try {
      platform = await startPlatform({ env: slow.env });
      const taken = await slow.ports();
      expect(taken).toHaveLength(2);
      expect(taken).not.toContain(platform.temporalPort);
      const { ui_port } = JSON.parse(await readFile(`${platform.dataDir}/platform.json`, 'utf8')) as {
        ui_port: number;
      };
      expect(taken).not.toContain(ui_port);
      expect(await platform.json<unknown[]>(['schedule-list'])).toEqual([]);
    } finally {
      await platform?.stop();
    }
  });

  test.each([
    ['--temporal-port', '--port'],
    ['--ui-port', '--ui-port'],
  ])('ends `up` with one line that names %s, where that gave it', async (flag, temporals) => {
    await using slow = await slowTemporal(flag.slice(2), [temporals]);
    const port = await freePort();
    const { code, stderr } = await runCli(
      ['up', '--data-dir', work.path(`${flag.slice(2)}-data`), flag, String(port)],
      { env: slow.env },
    );
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(`port ${port} (${flag}) is taken`)]);
    expect(code).toBe(5);
    expect(await slow.ports()).toEqual([port]);
  });
});
