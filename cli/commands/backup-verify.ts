import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { backup } from '../parameters.ts';

export const command = defineCommand({
  name: 'backup-verify',
  group: 'Backups',
  summary: 'Check that a backup is whole: signature, objects, sizes, hashes',
  description: `It ends with ${exitCodes.damaged.code} when it finds damage.`,
  positionals: { backup },
  flags: {
    data: { type: 'switch', describe: 'read, unseal and decompress every byte; on S3 only this finds rot' },
  },
  prints: 'list',
  examples: [
    ['backupctl backup-verify orders@latest', 'Without reading it back from S3'],
    ['backupctl backup-verify orders@latest --data', 'Every byte'],
  ],
  async run(args, context) {
    const client = await context.client();
    const verified = await client.backupVerify(args.backup, {
      data: args.data,
      signal: context.interrupted,
      onProgress: context.showProgress,
    });
    context.progress.clear();
    const { findings } = verified;
    if (context.output.format !== 'table') await context.output.document(verified);
    else if (findings.length > 0) {
      await context.output.list(findings, [
        { header: 'Object', value: ({ key }) => key },
        { header: 'Problem', value: ({ problem }) => problem },
      ]);
    } else {
      context.output.text(`Backup ${verified.id} is whole.`);
    }
    if (findings.length === 0) return exitCodes.ok.code;
    context.output.note(`backup ${verified.id} is damaged: restore from another one`);
    return exitCodes.damaged.code;
  },
});
