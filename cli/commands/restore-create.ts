import { BackupctlError } from '../../errors/backupctl-error.ts';
import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { backup, instance, wait } from '../parameters.ts';
import { allowRestoreTo } from '../url-files.ts';
import { planColumns, printRestore } from '../views/restore.ts';
import { printRun } from '../waiting.ts';

export const command = defineCommand({
  name: 'restore-create',
  group: 'Restores',
  summary: 'Bring a backup back, into a new database or over an old one',
  description:
    'Without --overwrite a target that holds anything is refused. With it the backup is restored beside, checked, and swapped in by name; the old database is kept until restore-finish or --drop-old.',
  positionals: { backup },
  flags: {
    to: { type: 'text', value: 'INSTANCE', describe: `where to: ${instance.describe}` },
    toDirectory: {
      type: 'text',
      value: 'DIR',
      describe:
        'into this directory of the worker (an absolute path), for backups of files; --to names whose worker, by default that of the backup',
    },
    createDatabase: {
      type: 'text',
      value: 'NAME',
      describe: 'name of the new database, for a backup of one',
    },
    overwrite: { type: 'switch', describe: 'swap it with the database of the same name' },
    database: { type: 'texts', value: 'NAME', describe: 'bring only this database back' },
    include: {
      type: 'texts',
      value: 'PATTERN',
      describe:
        'bring only this back, such as SCHEMA.TABLE or a path; with --create-database or --to-directory only',
    },
    globals: {
      type: 'switch',
      describe: 'create the roles and tablespaces that are missing; change none that exist',
    },
    noOwner: { type: 'switch', describe: 'everything belongs to the user who restores' },
    noPrivileges: { type: 'switch', describe: 'leave GRANTs out' },
    noTablespaces: { type: 'switch', describe: 'everything goes to the default tablespace' },
    dropOld: { type: 'switch', describe: 'with --overwrite: drop the old database at the end' },
    disconnect: { type: 'switch', describe: 'with --overwrite: end the sessions that use the old database' },
    noBinlog: {
      type: 'switch',
      describe: "keep it out of the server's binary log; refused while replicas are connected",
    },
    force: { type: 'switch', describe: 'with --no-binlog: although replicas are connected' },
    dryRun: { type: 'switch', describe: 'print what it would do, and what stands in the way' },
    ...wait,
  },
  prints: 'thing',
  handlesInterrupt: 'waiting',
  examples: [
    [
      'backupctl restore-create orders@latest --to spare --create-database orders_check --wait',
      'Beside the old one',
    ],
    [
      'backupctl restore-create orders@latest --to orders --overwrite --wait',
      'Over the old one, which is kept',
    ],
    ['backupctl restore-create orders@latest --to orders --overwrite --dry-run', 'What that would do'],
  ],
  async run(args, context) {
    const client = await context.client();
    const request = {
      createDatabase: args.createDatabase ?? null,
      overwrite: args.overwrite,
      databases: args.database,
      include: args.include,
      globals: args.globals,
      noOwner: args.noOwner,
      noPrivileges: args.noPrivileges,
      noTablespaces: args.noTablespaces,
      dropOld: args.dropOld,
      disconnect: args.disconnect,
      ...(args.toDirectory === undefined ? {} : { toDirectory: args.toDirectory }),
      ...(args.noBinlog ? { noBinlog: true } : {}),
      ...(args.force ? { force: true } : {}),
    };
    const to = targetOf(args);
    if (args.dryRun && args.wait) {
      throw new BackupctlError('usage', '--dry-run and --wait are both given (restore-create)');
    }
    const { output } = context;
    await allowRestoreTo(
      args.toDirectory,
      async () => (to === null ? '' : (await client.instanceShow(to)).url),
      context,
    );
    if (args.dryRun) {
      const plan = await client.restorePlan(args.backup, to, request);
      if (output.format !== 'table') await output.document(plan);
      else await output.list(plan.steps, planColumns);
      for (const line of plan.missing) output.note(`missing: ${line}`);
      for (const line of plan.warnings) output.note(`warning: ${line}`);
      return plan.steps.some(({ action }) => action === 'refuse')
        ? exitCodes.refused.code
        : exitCodes.ok.code;
    }
    const started = await client.restoreCreate(args.backup, to, request);
    return printRun(
      {
        executionId: started.executionId,
        started,
        reload: () => client.restoreShow(started.id),
        print: (shown) => printRestore(shown, output),
        cancel: `restore-cancel ${started.id}`,
      },
      args.wait,
      context,
    );
  },
});

/** The instance; null where a directory is named and its worker is that of the backup. @throws BackupctlError usage */
function targetOf({ to, toDirectory }: { to: string | undefined; toDirectory: string | undefined }) {
  if (to === undefined && toDirectory === undefined) {
    throw new BackupctlError('usage', '--to is missing (restore-create)', {
      hint: 'name the instance to restore into, or --to-directory DIR for a backup of files',
    });
  }
  return to ?? null;
}
