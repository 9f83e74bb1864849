import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { instanceColumns } from '../views/instance.ts';

export const command = defineCommand({
  name: 'instance-list',
  group: 'Instances',
  summary: 'List the instances',
  positionals: {},
  flags: {},
  prints: 'list',
  examples: [['backupctl instance-list', 'Those that were registered, and those of the configuration file']],
  async run(_args, context) {
    const client = await context.client();
    const damaged: string[] = [];
    const instances = await client.instanceList((problem) => damaged.push(problem));
    for (const problem of damaged) context.output.note(`warning: ${problem}`);
    await context.output.list(instances, instanceColumns);
    return damaged.length === 0 ? exitCodes.ok.code : exitCodes.damaged.code;
  },
});
