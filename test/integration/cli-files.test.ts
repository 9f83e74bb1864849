import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { walkTree } from '../conformance/files-kit.ts';
import { type Platform, startPlatform } from '../servers/platform.ts';
import { createWorkspace, type Workspace } from '../servers/workspace.ts';

let work: Workspace;
let platform: Platform;
let instance: { id: string };

beforeAll(async () => {
  work = createWorkspace('files');
  await mkdir(work.path('tree', 'etc', 'deep'), { recursive: true });
  await writeFile(work.path('tree', 'etc', 'deep', 'one'), 'eins');
  await writeFile(work.path('tree', 'etc', 'two'), 'zwei');
  await writeFile(work.path('tree', 'cache'), 'not wanted');
  platform = await startPlatform();
  instance = await platform.json([
    ...['instance-create', 'home', '--url', `file://${work.path('tree')}?exclude=cache`],
  ]);
  await platform.json(['backup-create', 'home', 'first', '--wait']);
}, 200_000);

afterAll(async () => {
  await platform?.stop();
  await work?.remove();
});

interface RestoreJson {
  id: string;
  status: string;
  databases: { target: string; kept_as: string | null; note: string }[];
}

const restore = (...words: string[]) =>
  platform.json<RestoreJson>(['restore-create', 'home@latest', ...words, '--wait']);

describe('a tree of files by the command line', () => {
  test('is listed with sizes, times and hashes', async () => {
    const lines = await platform.json<{ name: string; kind: string; size: number; more: object }[]>([
      ...['backup-contents', 'home@latest'],
    ]);
    expect(lines.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'directory .',
      'directory etc',
      'directory etc/deep',
      'file etc/deep/one',
      'file etc/two',
    ]);
    expect(lines[4]).toMatchObject({
      size: 4,
      more: {
        mode: '0644',
        mtime_ns: expect.stringMatching(/^\d{19}$/),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
  });

  test('comes back into a directory that is made for it, without an instance', async () => {
    const made = await restore('--to-directory', work.path('new'));
    expect(made).toMatchObject({ status: 'COMPLETED', databases: [{ target: work.path('new') }] });
    const wanted = walkTree(work.path('tree')).filter(
      (line) => !line.includes(Buffer.from('cache').toString('hex')),
    );
    expect(walkTree(work.path('new'))).toEqual(wanted);
    const again = await platform.cli([
      'restore-create',
      'home@latest',
      '--to-directory',
      work.path('new'),
      '--wait',
    ]);
    expect([again.code, again.stderr.includes('--overwrite')]).toEqual([7, true]);
    const part = await restore('--to-directory', work.path('part'), '--include', 'etc/deep');
    expect(part.status).toBe('COMPLETED');
    expect(existsSync(work.path('part', 'etc', 'deep', 'one'))).toBe(true);
    expect(existsSync(work.path('part', 'etc', 'two'))).toBe(false);
  });

  test('with --overwrite is swapped, and the old one kept until restore-finish', async () => {
    await appendFile(work.path('tree', 'etc', 'two'), ' since');
    const made = await restore('--to', 'home', '--overwrite');
    const kept = made.databases[0]?.kept_as ?? '';
    expect(await readFile(work.path('tree', 'etc', 'two'), 'utf8')).toBe('zwei');
    expect(await readFile(`${kept}/etc/two`, 'utf8')).toBe('zwei since');
    expect((await platform.cli(['restore-finish', made.id, '--wait'])).code).toBe(0);
    expect(existsSync(kept)).toBe(false);
    // The same for one that went to a directory of its own.
    const aside = await restore('--to-directory', work.path('new'), '--overwrite');
    expect(existsSync(aside.databases[0]?.kept_as ?? '')).toBe(true);
    expect((await platform.cli(['restore-finish', aside.id, '--wait'])).code).toBe(0);
    expect(existsSync(aside.databases[0]?.kept_as ?? '')).toBe(false);
  });

  test('is neither read nor written where nobody on this machine has named it', async () => {
    const connection = await Connection.connect({ address: `127.0.0.1:${platform.temporalPort}` });
    try {
      const run = (type: string, input: unknown) =>
        new Client({ connection }).workflow
          .execute(type, {
            workflowId: randomUUID(),
            taskQueue: 'backupctl',
            args: [input],
            workflowExecutionTimeout: '60s',
          })
          .then(
            (result) => JSON.stringify(result),
            (error: Error) => {
              let innermost = error;
              while (innermost.cause instanceof Error) innermost = innermost.cause;
              return innermost.message;
            },
          );
      const record = {
        id: randomUUID(),
        revision: 1,
        deleted: false,
        name: 'spy',
        engine: 'files',
        url: 'file:///etc',
        password: null,
        task_queue: null,
        created_at: new Date().toISOString(),
        updated_at: new Date().toISOString(),
      };
      expect(await run('instance_change', { action: 'create', check: true, record })).toMatch(
        /^this worker is not allowed to read \/etc$/,
      );
      const [backup] = await platform.json<{ id: string }[]>(['backup-list']);
      const request = {
        ...{ restoreId: randomUUID(), databases: [], createDatabase: null, overwrite: true, dropOld: true },
        ...{ disconnect: false, include: [], globals: false, noOwner: false, noPrivileges: false },
        ...{ noTablespaces: false, toDirectory: work.path('elsewhere') },
      };
      const input = {
        restore_id: request.restoreId,
        backup: { instance_id: instance.id, backup_id: backup?.id },
        target_instance_id: instance.id,
        request,
      };
      expect(await run('restore_plan', input)).toMatch(
        /^this worker is not allowed to restore into .*elsewhere$/,
      );
      expect(await run('restore_create', input)).toMatch(/not allowed to restore into/);
      const databases = [
        { database: '', target: '/etc', status: 'restored', kept_as: work.path('tree'), note: '' },
      ];
      await run('restore_finish', { restore_id: randomUUID(), target_instance_id: instance.id, databases });
      expect(existsSync(work.path('elsewhere'))).toBe(false);
      expect(existsSync(work.path('tree', 'etc'))).toBe(true);
    } finally {
      await connection.close();
    }
  });

  test('of a root that is gone or a link is an error in one line', async () => {
    const { symlink } = await import('node:fs/promises');
    await symlink(work.path('tree'), work.path('link'));
    for (const [path, words] of [
      [work.path('nowhere'), 'there is no directory'],
      [work.path('link'), 'is a symbolic link'],
      [work.path('tree', 'etc', 'two'), 'is not a directory'],
    ] as const) {
      const { code, stderr } = await platform.cli([
        'instance-create',
        randomUUID(),
        '--url',
        `file://${path}`,
      ]);
      expect(code).not.toBe(0);
      expect(stderr).toMatch(new RegExp(`^backupctl: [^\\n]*${words}[^\\n]*\\n$`));
    }
    await rm(work.path('link'));
  });
});
