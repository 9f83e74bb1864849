import { defineCommand } from '../command.ts';
import { restore } from '../parameters.ts';

export const command = defineCommand({
  name: 'restore-cancel',
  group: 'Restores',
  summary: 'Cancel a running restore; what it has half filled is dropped',
  positionals: { restore },
  flags: { wait: { type: 'switch', describe: 'return once it has cleaned up' } },
  prints: 'nothing',
  examples: [
    ['backupctl restore-cancel 0e0a2a0c-9d0f-4f0e-8a51-6a5d5f2b7a10', 'A database that was swapped stays'],
  ],
  async run(args, context) {
    const client = await context.client();
    await client.restoreCancel(args.restore);
    if (args.wait) {
      const { executionId } = await client.restoreShow(args.restore);
      await client.executionWait(executionId, {
        signal: context.interrupted,
        onProgress: context.showProgress,
      });
      context.progress.clear();
    }
    if (context.output.format === 'table') return;
    await context.output.document(await client.restoreShow(args.restore));
  },
});
