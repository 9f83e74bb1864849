import { defineCommand } from '../command.ts';
import { restore } from '../parameters.ts';
import { printRestore } from '../views/restore.ts';

export const command = defineCommand({
  name: 'restore-show',
  group: 'Restores',
  summary: 'Show a restore, and what became of each database',
  positionals: { restore },
  flags: {},
  prints: 'thing',
  examples: [['backupctl restore-show 0e0a2a0c-9d0f-4f0e-8a51-6a5d5f2b7a10', 'Also while it runs']],
  async run(args, context) {
    const client = await context.client();
    await printRestore(await client.restoreShow(args.restore), context.output);
  },
});
