import { defineCommand } from '../command.ts';
import { backup, wait } from '../parameters.ts';
import { printExecution } from '../waiting.ts';

export const command = defineCommand({
  name: 'backup-copy',
  group: 'Backups',
  summary: 'Copy a backup to another repository now',
  description:
    'Copies are made by themselves; this does not wait for their turn. What is there already is not sent again. What a backup is built on is copied before it.',
  positionals: { backup },
  flags: {
    to: { type: 'text', value: 'NAME', describe: 'a copy of the configuration', required: true },
    ...wait,
  },
  prints: 'thing',
  handlesInterrupt: 'waiting',
  examples: [['backupctl backup-copy orders@latest --to offsite --wait', 'Before something risky']],
  async run(args, context) {
    const client = await context.client();
    const { executionId } = await client.backupCopy(args.backup, args.to);
    return printExecution(await client.executionShow(executionId), args.wait, context);
  },
});
