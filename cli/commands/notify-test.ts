import { channelNames } from '../../config/notify.ts';
import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { answerColumns } from '../views/notify.ts';

export const command = defineCommand({
  name: 'notify-test',
  group: 'Platform',
  summary: 'Send a test through each channel, and say what it answered',
  description: `The worker sends it, as it would a real one, and tries once. It ends with ${exitCodes.failed.code} when a channel did not take it.`,
  positionals: {},
  flags: {
    channel: { type: 'choice', choices: channelNames, describe: 'this one only' },
  },
  prints: 'list',
  examples: [
    ['backupctl notify-test', 'Every channel that the configuration of the platform has'],
    ['backupctl notify-test --channel email', 'The mail only'],
  ],
  async run(args, context) {
    const client = await context.client();
    const answers = await client.notifyTest({ channel: args.channel });
    await context.output.list(answers, answerColumns);
    return answers.every(({ ok }) => ok) ? exitCodes.ok.code : exitCodes.failed.code;
  },
});
