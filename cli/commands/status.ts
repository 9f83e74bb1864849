import type { BackupClient } from '../../client/client.ts';
import type { InstanceStatus } from '../../client/types.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { checkLines, statusColumns, troubleOf } from '../views/status.ts';

export const command = defineCommand({
  name: 'status',
  group: 'Platform',
  summary: 'Am I protected? The last good backup of each instance, its age, the next run, what failed',
  description: `It ends with ${exitCodes.unprotected.code} when an instance is not protected. With --check it reads the repository only, from any machine, and prints a line for each instance whose newest good backup is too old.`,
  positionals: {},
  flags: {
    check: {
      type: 'switch',
      describe: 'ask the repository alone, not Temporal: for cron, Nagios or Kubernetes on another machine',
    },
    maxAge: {
      type: 'duration',
      value: 'TIME',
      min: 1,
      describe:
        'with --check: how old the newest good backup of any instance may be; left out: as each one says',
    },
  },
  prints: 'list',
  examples: [
    ['backupctl status', 'For people'],
    ['backupctl status > /dev/null || mail -s "not protected" operator', 'For a monitor'],
    ['backupctl status --check --max-age 26h', 'For a monitor on another machine'],
  ],
  async run(args, context) {
    if (args.check) return check(args.maxAge, context);
    if (args.maxAge !== undefined) {
      throw new BackupctlError('usage', '--max-age goes with --check (status)', {
        hint: 'what an instance is held to is set by `instance-update --max-age`',
      });
    }
    const client = await context.client();
    const instances = await statusOf(client, context);
    await context.output.list(instances, statusColumns);
    if (instances.length === 0) context.output.note('no instance is registered, so nothing is backed up');
    for (const trouble of (await client.channelHealth()).map(troubleOf)) context.output.note(trouble);
    return instances.every((instance) => instance.protected) ? exitCodes.ok.code : exitCodes.unprotected.code;
  },
});

/** Where Temporal does not answer, what the repository tells is printed before that is said. */
async function statusOf(client: BackupClient, context: Context): Promise<InstanceStatus[]> {
  try {
    return await client.status();
  } catch (error) {
    if (!(error instanceof BackupctlError) || error.code !== 'unavailable') throw error;
    const instances = await client.statusOfRepository(error).catch(() => null);
    if (instances !== null) await context.output.list(instances, statusColumns);
    throw error;
  }
}

async function check(maxAge: number | undefined, context: Context): Promise<number> {
  const client = await context.client();
  try {
    const report = await client.checkFreshness({ maxAge });
    if (context.output.format === 'table') context.output.text(checkLines(report, new Date()).join('\n'));
    else await context.output.document(report);
    return report.instances.some(({ stale }) => stale) ? exitCodes.unprotected.code : exitCodes.ok.code;
  } catch (error) {
    if (!(error instanceof BackupctlError)) throw error;
    if (context.output.format === 'table')
      context.output.text(`backupctl CRITICAL - the repository cannot be read: ${error.message}`);
    // Whether it is not there or does not answer: a monitor wants one code for that.
    if (error.code !== 'not-found') throw error;
    throw new BackupctlError('unavailable', error.message, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}
