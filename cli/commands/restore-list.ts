import { defineCommand } from '../command.ts';
import { pageOrAll } from '../pages.ts';
import { paging } from '../parameters.ts';
import { restoreColumns } from '../views/restore.ts';

export const command = defineCommand({
  name: 'restore-list',
  group: 'Restores',
  summary: 'List the restores, the oldest first',
  positionals: {},
  flags: {
    instance: { type: 'text', value: 'INSTANCE', describe: 'those to one instance: its name or id' },
    ...paging,
  },
  prints: 'list',
  examples: [['backupctl restore-list --limit 10', 'The last ten']],
  async run(args, context) {
    const client = await context.client();
    const { instance, limit, marker } = args;
    const restores = await pageOrAll((page) => client.restoreList({ instance, ...page }), { limit, marker });
    await context.output.list(restores, restoreColumns);
  },
});
