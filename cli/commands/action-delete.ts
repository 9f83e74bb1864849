import { defineCommand } from '../command.ts';
import { action } from '../parameters.ts';

export const command = defineCommand({
  name: 'action-delete',
  group: 'Workbooks',
  summary: 'Delete an action that belongs to no workbook; runs that have begun go on',
  positionals: { name: action },
  flags: {},
  prints: 'nothing',
  examples: [['backupctl action-delete nightly', 'It does not ask']],
  async run(args, context) {
    const client = await context.client();
    await client.actionDelete(args.name);
  },
});
