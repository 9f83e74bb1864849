import { randomUUID } from 'node:crypto';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceRecord } from '../../repository/manifest.ts';
import { openShop, type Shop } from './fixture.ts';

let shop: Shop;
let connection: Connection;

beforeAll(async () => {
  shop = await openShop();
  connection = await Connection.connect({ address: `127.0.0.1:${shop.platform.temporalPort}` });
});

afterAll(async () => {
  await connection?.close();
  await shop?.stop();
});

/** Starts a workflow past the command line. @returns its result, or the words of what refused it */
async function straight(type: string, input: unknown): Promise<unknown> {
  try {
    return await new Client({ connection }).workflow.execute(type, {
      workflowId: randomUUID(),
      taskQueue: 'backupctl',
      args: [input],
      workflowExecutionTimeout: '60s',
    });
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    let innermost: Error = error;
    while (innermost.cause instanceof Error) innermost = innermost.cause;
    return innermost.message;
  }
}

const change = (of: Partial<InstanceRecord>, check = true) =>
  straight('instance_change', {
    action: 'create',
    check,
    record: {
      id: randomUUID(),
      revision: 1,
      deleted: false,
      name: randomUUID(),
      engine: 'postgres',
      url: shop.postgres.url('shop'),
      password: null,
      task_queue: null,
      created_at: new Date().toISOString(),
      updated_at: new Date().toISOString(),
      ...of,
    } satisfies InstanceRecord,
  });

describe("who reaches Temporal's port", () => {
  it.each(['/etc/shadow', '/proc/self/environ', 'identity.txt', 'signing-key.pem'])(
    'cannot make the worker open %s, neither as a password nor as a certificate',
    async (name) => {
      const file = name.startsWith('/') ? name : `${shop.platform.dataDir}/${name}`;
      const refused = `this worker is not allowed to open the file ${file}`;
      expect(await change({ password: { file } })).toBe(refused);
      const url = `${shop.postgres.url('shop')}?sslmode=require&sslrootcert=${file}`;
      expect(await change({ url })).toBe(refused);
    },
  );

  it('learns nothing of files that are not there', async () => {
    const url = `${shop.postgres.url('shop')}?sslmode=require&sslrootcert=/nonexistent`;
    expect(await change({ url })).toBe('this worker is not allowed to open the file /nonexistent');
  });

  it("cannot read the worker's environment", async () => {
    expect(await change({ password: { env: 'PATH' } })).toContain('not allowed');
  });

  it('cannot put a password into the repository by a URL', async () => {
    expect(await change({ url: 'postgres://u:hunter2@h/d' }, false)).toContain(
      'a password in the URL is refused',
    );
  });

  it('cannot have a database dropped that no restore has kept', async () => {
    const databases = [{ database: 'shop', target: 'shop', status: 'restored', kept_as: 'shop', note: '' }];
    expect(
      await straight('restore_finish', { restore_id: randomUUID(), target_instance_id: 'orders', databases }),
    ).toBe('shop is no database that this restore has kept');
    expect(await shop.postgres.psql('SELECT count(*) FROM items', 'shop')).toBe('2000');
  });

  it('cannot leave the folders of the repository', async () => {
    expect(
      await straight('backup_delete', { instance_id: '../..', backup_id: '../../x', by: 'somebody' }),
    ).toContain('cannot be a prefix of objects');
  });

  it('cannot give pg_dump an option by a pattern', async () => {
    const { id } = await shop.platform.json<{ id: string }>(['instance-show', 'orders']);
    const input = { instance: id, description: null, parent_id: null, name: 'x' };
    const selection = { include: ['--file=/tmp/x'] };
    const policy = {
      schedule_id: null,
      overlap: 'skip',
      on_busy: 'wait',
      catchup_window: 0,
      active_since: null,
    };
    const run = new Client({ connection }).workflow.execute('backup_create', {
      workflowId: randomUUID(),
      taskQueue: 'backupctl',
      args: [{ ...input, selection }, policy],
    });
    await expect(run).rejects.toMatchObject({
      cause: { message: expect.stringContaining('the pattern "--file=/tmp/x" cannot be read') },
    });
  });
});

describe("the platform's own user", () => {
  it('may name a file of certificates on the command line', async () => {
    const ca = await shop.workspace.file('ca.pem', 'none');
    const { code, stderr } = await shop.platform.cli([
      'instance-create',
      'trusting',
      '--url',
      `${shop.postgres.url('shop')}?sslmode=require&sslrootcert=${ca}`,
    ]);
    expect(code).not.toBe(0);
    expect(stderr).not.toContain('not allowed');
  });
});
