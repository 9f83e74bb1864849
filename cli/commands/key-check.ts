import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { backupKeyColumns, recipientColumns } from '../views/keys.ts';

export const command = defineCommand({
  name: 'key-check',
  group: 'Repository and keys',
  summary: 'Try the keys on the newest backup of each instance',
  description: `It reads headers only, and changes nothing. It ends with ${exitCodes.credentials.code} when a backup is signed by a key that is not trusted, or the keys at hand do not open it.`,
  positionals: {},
  flags: {},
  prints: 'thing',
  examples: [['backupctl key-check', 'Whether a restore would get past the seals']],
  async run(_args, context) {
    const { openRepository } = await import('../../config/repository.ts');
    const repository = await openRepository(await context.config());
    try {
      const check = await repository.checkKeys();
      await context.output.thing(
        { id: repository.document.id, ...check },
        {
          id: { value: repository.document.id, show: 'always' },
          signer: { value: check.signer, show: 'always' },
          trusted: { value: check.trusted.join(', '), show: 'always' },
        },
      );
      if (context.output.format === 'table') {
        await context.output.list(check.recipients, recipientColumns);
        if (check.backups.length > 0) await context.output.list(check.backups, backupKeyColumns);
      }
      const failed = check.backups.filter(
        ({ trusted, opens_data, opens_index }) => !trusted || opens_data === false || opens_index === false,
      );
      if (failed.length === 0) return exitCodes.ok.code;
      context.output.note(
        `the keys at hand do not fit ${failed.length} of ${check.backups.length} backups: add the identity or the trusted key that is missing to the configuration`,
      );
      return exitCodes.credentials.code;
    } finally {
      await repository.store.close();
    }
  },
});
