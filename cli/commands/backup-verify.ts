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
    copy: {
      type: 'text',
      value: 'NAME',
      describe: 'look at this copy, or with `all` at every repository',
      default: 'primary',
    },
  },
  prints: 'list',
  examples: [
    ['backupctl backup-verify orders@latest', 'Without reading it back from S3'],
    ['backupctl backup-verify orders@latest --data', 'Every byte'],
    ['backupctl backup-verify orders@latest --copy all', 'The first repository and every copy'],
  ],
  async run(args, context) {
    const client = await context.client();
    const verified = await client.backupVerify(args.backup, {
      data: args.data,
      ...(args.copy === undefined ? {} : { copy: args.copy }),
      signal: context.interrupted,
      onProgress: context.showProgress,
    });
    context.progress.clear();
    const { findings, read, unread } = verified;
    const several = read.length + unread.length > 1 || read[0] !== 'primary';
    if (context.output.format !== 'table') await context.output.document(verified);
    else if (findings.length > 0) {
      await context.output.list(findings, [
        ...(several ? [{ header: 'Copy', value: ({ copy }: { copy: string }) => copy }] : []),
        { header: 'Object', value: ({ key }) => key },
        { header: 'Problem', value: ({ problem }) => problem },
      ]);
    } else if (read.length > 0) {
      context.output.text(`Backup ${verified.id} is whole${several ? ` in ${read.join(', ')}` : ''}.`);
    }
    for (const { copy, problem } of unread) context.output.note(`${copy} could not be read: ${problem}`);
    if (findings.length > 0) {
      const hint = several
        ? 'heal it with `backupctl backup-heal`, or restore from another one'
        : 'restore from another one, or heal it with `backupctl backup-heal` where a copy has it whole';
      context.output.note(`backup ${verified.id} is damaged: ${hint}`);
      return exitCodes.damaged.code;
    }
    return unread.length > 0 ? exitCodes.unavailable.code : exitCodes.ok.code;
  },
});
