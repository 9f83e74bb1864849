import { defineCommand } from '../command.ts';
import { restore, wait } from '../parameters.ts';
import { printExecution } from '../waiting.ts';

export const command = defineCommand({
  name: 'restore-finish',
  group: 'Restores',
  summary: 'Drop the old databases that a restore with --overwrite has kept',
  positionals: { restore },
  flags: { ...wait },
  prints: 'thing',
  handlesInterrupt: 'waiting',
  examples: [
    ['backupctl restore-finish 0e0a2a0c-9d0f-4f0e-8a51-6a5d5f2b7a10 --wait', 'The new ones are good'],
  ],
  async run(args, context) {
    const client = await context.client();
    const started = await client.restoreFinish(args.restore);
    return printExecution(started, args.wait, context);
  },
});
