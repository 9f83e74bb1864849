import { defineCommand } from '../command.ts';
import { backup } from '../parameters.ts';
import { backupProperties, copyWords } from '../views/backup.ts';

export const command = defineCommand({
  name: 'backup-show',
  group: 'Backups',
  summary: 'Show a backup, or how to restore it with stock tools',
  positionals: { backup },
  flags: {
    howToRestore: {
      type: 'switch',
      describe: 'print shell commands that restore it with age, zstd and its own tools',
    },
  },
  prints: 'thing',
  examples: [
    ['backupctl backup-show orders@latest', 'The newest of an instance'],
    ['backupctl backup-show orders@latest --how-to-restore', 'For a day on which backupctl is not to be had'],
  ],
  async run(args, context) {
    const client = await context.client();
    if (args.howToRestore) {
      const commands = await client.backupHowToRestore(args.backup);
      if (context.output.format === 'table') return context.output.text(commands.join('\n'));
      return context.output.document(commands);
    }
    const shown = await client.backupShow(args.backup);
    await context.output.thing(shown, {
      ...backupProperties(shown),
      error: { value: shown.error, show: 'set', isDefault: shown.error === null },
      retain_until: {
        value: shown.manifest?.retain_until ?? null,
        show: 'set',
        isDefault: !shown.manifest?.retain_until,
      },
      ...Object.fromEntries(
        shown.copies.map((copy) => [
          `copy ${copy.name}`,
          { value: copyWords(copy), show: 'always' as const },
        ]),
      ),
      marks: {
        value: shown.marks.map(({ kind }) => kind).join(', '),
        show: 'set',
        isDefault: shown.marks.length === 0,
      },
    });
  },
});
