import { BackupctlError, messageOf } from '../../errors/backupctl-error.ts';
import { pick, type Random } from './kind.ts';
import type { Operation } from './plan.ts';
import type { World } from './world.ts';

/** What became of an operation once it was asked for; how its execution ends is Temporal's to tell. */
export interface Asked {
  operation: Operation;
  executionId: string | null;
  backupId: string | null;
  /** Of a restore. */
  restoreId: string | null;
  /** The database that a restore makes or replaces. */
  target: string | null;
  /** Why it could not be started; a line for users. */
  refusal: string | null;
  /** What it threw or said that no user should see. */
  fault: string | null;
  /** Of a command that waits for its end: its exit code. */
  code: number | null;
  /** What a command printed, all of it. */
  printed: string;
}

/** What operations may choose from, and what they do to it. */
export interface Stock {
  /** Backups that are COMPLETED, oldest first, with the instance of each. */
  backups: { id: string; instance: string }[];
  scheduleId: string;
  /** Backups of which somebody asked to delete them. */
  deleted: Set<string>;
}

/** Asks for an operation. Never throws. */
export async function ask(
  world: World,
  operation: Operation,
  stock: Stock,
  run: { index: number; number: number; random: Random; begun: Asked[] },
): Promise<Asked> {
  const asked: Asked = {
    ...{ operation, executionId: null, backupId: null, restoreId: null, target: null },
    ...{ refusal: null, fault: null, code: null, printed: '' },
  };
  const client = world.client();
  try {
    await begin(world, asked, stock, run);
  } catch (error) {
    if (error instanceof BackupctlError) asked.refusal = `${error.code}: ${error.message}`;
    // The platform was killed and started again meanwhile: this client's connection was closed under it.
    else if (client !== world.client()) asked.refusal = `lost: ${messageOf(error)}`;
    else asked.fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  return asked;
}

async function begin(
  world: World,
  asked: Asked,
  stock: Stock,
  run: { index: number; number: number; random: Random; begun: Asked[] },
): Promise<void> {
  const client = world.client();
  const { operation } = asked;
  const name = `r${run.index}-${run.number}`;
  switch (operation.do) {
    case 'backup': {
      if (operation.by === 'command')
        return byCommand(world, asked, ['backup-create', operation.instance, name, '--wait']);
      const backup = await client.backupCreate(operation.instance, name);
      asked.executionId = backup.executionId;
      asked.backupId = backup.id;
      return;
    }
    case 'trigger': {
      asked.executionId = (await client.scheduleTrigger(stock.scheduleId)).id;
      return;
    }
    case 'restore': {
      const from = stock.backups.filter(({ instance }) => instance !== 'cluster');
      if (from.length === 0) return;
      const backup = pick(run.random, from);
      asked.target = `restored_${run.index}_${run.number}`;
      asked.backupId = backup.id;
      const restore = await client.restoreCreate(backup.id, 'orders', { createDatabase: asked.target });
      asked.restoreId = restore.id;
      asked.executionId = restore.executionId;
      return;
    }
    case 'restore-over': {
      const from = stock.backups.filter(({ instance }) => instance === 'stock');
      if (from.length === 0) return;
      const backup = pick(run.random, from);
      asked.target = 'stock';
      asked.backupId = backup.id;
      const { dropOld } = operation;
      const restore = await client.restoreCreate(backup.id, 'stock', {
        overwrite: true,
        dropOld,
        disconnect: true,
      });
      asked.restoreId = restore.id;
      asked.executionId = restore.executionId;
      return;
    }
    case 'delete': {
      const oldest = stock.backups[0];
      // Of each instance one stays, for restores.
      const last = stock.backups.filter(({ instance }) => instance === oldest?.instance).length < 2;
      if (oldest === undefined || last) return;
      stock.deleted.add(oldest.id);
      asked.backupId = oldest.id;
      asked.executionId = (await client.backupDelete(oldest.id)).executionId;
      return;
    }
    case 'sweep': {
      asked.executionId = (await client.janitorRun({ grace: 0 })).id;
      return;
    }
    case 'cancel': {
      await new Promise((resolve) => setTimeout(resolve, operation.after));
      const running = run.begun.filter(({ executionId }) => executionId !== null);
      if (running.length === 0) return;
      const victim = pick(run.random, running);
      asked.executionId = victim.executionId;
      await world.client().executionCancel(victim.executionId ?? '');
    }
  }
}

async function byCommand(world: World, asked: Asked, words: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await world.platform.cli([...words, '--json']);
  asked.code = code;
  asked.printed = stdout + stderr;
  if (stderr.includes('    at ')) asked.fault = stderr;
  if (code === 1) asked.fault = `${words.join(' ')} ended with 1: ${stderr}`;
  if (code === 0 || code === 7 || code === 8) {
    const backup = safeJson(stdout);
    asked.executionId = backup?.execution_id ?? null;
    asked.backupId = backup?.id ?? null;
  } else asked.refusal = `exit code ${code}: ${stderr.trim()}`;
}

function safeJson(text: string): { id?: string; execution_id?: string } | null {
  try {
    return JSON.parse(text) as { id?: string; execution_id?: string };
  } catch {
    return null;
  }
}
