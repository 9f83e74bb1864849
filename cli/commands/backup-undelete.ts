import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { waitForRun } from '../waiting.ts';

export const command = defineCommand({
  name: 'backup-undelete',
  group: 'Backups',
  summary: 'Bring a deleted backup back, until its bytes are removed',
  description:
    'Possible as long as `backup-list --deleted` shows it. A name that several deleted backups have is refused.',
  positionals: { backup: { describe: "deleted backup's id, or its name where no other deleted one has it" } },
  flags: {
    wait: { type: 'switch', describe: 'return once it is back, non-zero if it was too late' },
  },
  prints: 'nothing',
  handlesInterrupt: 'waiting',
  examples: [['backupctl backup-undelete 8b5f0c5e-0d0b-7c11-8a43-52f4d1a1a5b3 --wait', 'Bring one back']],
  async run(args, context) {
    const client = await context.client();
    const { executionId } = await client.backupUndelete(args.backup);
    const exitCode = args.wait ? await waitForRun(executionId, context) : exitCodes.ok.code;
    if (context.output.format !== 'table' && !context.interrupted.aborted) {
      await context.output.document(await client.executionShow(executionId));
    }
    return exitCode;
  },
});
