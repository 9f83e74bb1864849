import { defineCommand } from '../command.ts';
import { instance } from '../parameters.ts';
import { coverageText, instanceProperties } from '../views/instance.ts';

export const command = defineCommand({
  name: 'instance-show',
  group: 'Instances',
  summary: 'Show an instance',
  description: 'With --long it lists, in words, what a backup of it will contain, and what not.',
  positionals: { instance },
  flags: { check: { type: 'switch', describe: 'connect to it, and show its version and size' } },
  prints: 'thing',
  examples: [
    ['backupctl instance-show orders --check', 'Whether a backup of it could start'],
    ['backupctl instance-show orders --long', 'And what would be in it'],
  ],
  async run(args, context) {
    const client = await context.client();
    const { long, format } = context.output;
    const shown = await client.instanceShow(args.instance, { check: args.check, coverage: long });
    for (const warning of shown.probe?.warnings ?? []) context.output.note(`warning: ${warning}`);
    await context.output.thing(shown, instanceProperties(shown));
    if (shown.coverage === undefined || format !== 'table') return;
    if (shown.coverage.warning !== null) context.output.note(`warning: ${shown.coverage.warning}`);
    context.output.text(coverageText(shown.coverage));
  },
});
