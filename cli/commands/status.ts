import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { statusColumns } from '../views/status.ts';

export const command = defineCommand({
  name: 'status',
  group: 'Platform',
  summary: 'Am I protected? The last good backup of each instance, its age, the next run, what failed',
  description: `It ends with ${exitCodes.unprotected.code} when an instance is not protected.`,
  positionals: {},
  flags: {},
  prints: 'list',
  examples: [
    ['backupctl status', 'For people'],
    ['backupctl status > /dev/null || mail -s "not protected" operator', 'For a monitor'],
  ],
  async run(_args, context) {
    const client = await context.client();
    const instances = await client.status();
    await context.output.list(instances, statusColumns);
    if (instances.length === 0) context.output.note('no instance is registered, so nothing is backed up');
    return instances.every((instance) => instance.protected) ? exitCodes.ok.code : exitCodes.unprotected.code;
  },
});
