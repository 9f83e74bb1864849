import type { BackupClient } from '../../client/client.ts';
import { defineCommand } from '../command.ts';
import { confirm } from '../confirm.ts';
import { exitCodes } from '../exit-codes.ts';
import { backup } from '../parameters.ts';
import { waitForRun } from '../waiting.ts';

export const command = defineCommand({
  name: 'backup-delete',
  group: 'Backups',
  summary: 'Delete a backup and the increments that need it',
  description:
    'It is out of reach at once; its bytes go after a grace period. A name that several backups have is refused.',
  positionals: { backup },
  flags: {
    yes: { type: 'switch', describe: 'do not ask; wanted off a terminal' },
    wait: { type: 'switch', describe: 'return once it is out of reach, non-zero if it was refused' },
  },
  prints: 'nothing',
  handlesInterrupt: 'waiting',
  examples: [['backupctl backup-delete 8b5f0c5e-0d0b-7c11-8a43-52f4d1a1a5b3 --yes --wait', 'In a script']],
  async run(args, context) {
    const client = await context.client();
    if (!args.yes && !(await confirm(() => question(client, args.backup), context))) {
      context.output.note('nothing was deleted');
      return exitCodes.refused.code;
    }
    const { executionId } = await client.backupDelete(args.backup);
    const exitCode = args.wait ? await waitForRun(executionId, context) : exitCodes.ok.code;
    if (context.output.format !== 'table' && !context.interrupted.aborted) {
      await context.output.document(await client.executionShow(executionId));
    }
    return exitCode;
  },
});

async function question(client: BackupClient, reference: string): Promise<string> {
  const { id, name, instanceName } = await client.backupShow(reference, { unambiguous: true });
  return `Delete backup ${id}, ${name} of ${instanceName}?`;
}
