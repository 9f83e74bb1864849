import type { Execution } from '../../client/types.ts';
import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { waitForRun } from '../waiting.ts';

interface Row {
  copy: string;
  key: string;
  problem: string;
  from: string | null;
  reason: string | null;
}

export const command = defineCommand({
  name: 'backup-heal',
  group: 'Backups',
  summary: 'Make a backup right in every repository, from those that have it right',
  description:
    'Every object is read and compared by its hash, without unsealing. What is wrong or missing is removed and copied anew from a repository whose object is right, which is read first; where none has it right nothing is removed.',
  positionals: { backup: { describe: "backup's id, or its name where no other one has it" } },
  flags: {
    copy: {
      type: 'text',
      value: 'NAME',
      describe: 'heal it there only: `primary`, or a copy',
      default: 'everywhere',
    },
    wait: {
      type: 'switch',
      describe:
        'return at its end with a line for each object that was not right, non-zero if one still is not',
    },
  },
  prints: 'list',
  handlesInterrupt: 'waiting',
  examples: [
    ['backupctl backup-heal nightly --wait', 'Mend it wherever it is damaged'],
    ['backupctl backup-heal nightly --copy offsite --wait', 'Mend one copy of it'],
  ],
  async run(args, context) {
    const client = await context.client();
    const started = await client.backupHeal(args.backup, args.copy === undefined ? {} : { copy: args.copy });
    if (!args.wait) {
      if (context.output.format === 'table') context.output.text(started.executionId);
      else await context.output.document(await client.executionShow(started.executionId));
      return exitCodes.ok.code;
    }
    const exitCode = await waitForRun(started.executionId, context);
    if (context.interrupted.aborted) return exitCode;
    const execution = await client.executionShow(started.executionId);
    if (context.output.format !== 'table') await context.output.document(execution);
    else await print(execution);
    return exitCode;

    async function print({ output, state }: Execution): Promise<void> {
      const rows = Array.isArray(output?.objects) ? (output.objects as Row[]) : [];
      if (rows.length === 0) {
        const read = Array.isArray(output?.read) ? output.read.join(', ') : '';
        if (state === 'SUCCESS') context.output.text(`Backup ${started.id} is whole in ${read}.`);
        return;
      }
      await context.output.list(rows, [
        { header: 'Repository', value: ({ copy }) => copy },
        { header: 'Object', value: ({ key }) => key },
        { header: 'Problem', value: ({ problem }) => problem },
        { header: 'Healed From', value: ({ from }) => from },
      ]);
    }
  },
});
