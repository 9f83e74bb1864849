import { BackupctlError } from '../../errors/backupctl-error.ts';
import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';

export const command = defineCommand({
  name: 'repository-check',
  group: 'Repository and keys',
  summary: 'Read everything in the repository and its copies, and say what is wrong',
  description: `It reads manifests, signatures, marks, epochs and revisions, and looks for every object and for what no manifest names; with copies it says what is missing where. What is younger than an hour may be work that is under way: a note, as is what the janitor removes. It needs neither Temporal nor a worker, and ends with ${exitCodes.damaged.code} when something is wrong, with ${exitCodes.unavailable.code} when a repository does not answer.`,
  positionals: {},
  flags: {
    copy: {
      type: 'text',
      value: 'NAME',
      describe: 'read this one only: `primary`, or a copy',
      default: 'all of them',
    },
    data: { type: 'switch', describe: 'read, unseal and decompress every byte of the backups as well' },
    sample: {
      type: 'text',
      value: 'N|PERCENT',
      describe: 'the same for some of the backups by chance: `20` or `5%`',
    },
  },
  prints: 'list',
  examples: [
    ['backupctl repository-check', 'Everything but the data'],
    ['backupctl repository-check --sample 5%', 'And the data of every twentieth backup'],
  ],
  async run(args, context) {
    const client = await context.client();
    const data = args.sample === undefined ? (args.data ? { percent: 100 } : undefined) : parse(args.sample);
    const checked = await client.repositoryCheck({
      copy: args.copy,
      data,
      signal: context.interrupted,
      onProgress: context.showProgress,
    });
    context.progress.clear();
    const { findings, read, backups, unread } = checked;
    const problems = findings.filter(({ level }) => level === 'problem');
    if (context.output.format !== 'table') await context.output.document(checked);
    else if (findings.length > 0) {
      await context.output.list(findings, [
        { header: 'Repository', value: ({ copy }) => copy },
        { header: 'Level', value: ({ level }) => level },
        { header: 'Object', value: ({ key }) => key },
        { header: 'What', value: ({ problem }) => problem },
      ]);
    }
    for (const { copy, problem } of unread) context.output.note(`${copy} could not be read: ${problem}`);
    if (problems.length > 0) {
      context.output.note(
        `${problems.length} problems: \`backupctl backup-heal\` mends what another copy has whole`,
      );
      return exitCodes.damaged.code;
    }
    if (unread.length > 0) return exitCodes.unavailable.code;
    if (context.output.format === 'table') {
      context.output.text(`Nothing is wrong: ${backups} backups in ${read.join(', ')}.`);
    }
    return exitCodes.ok.code;
  },
});

/** `20` backups, or `5%` of them. */
function parse(text: string): { number: number } | { percent: number } {
  const [, digits, percent] = /^([1-9][0-9]{0,6})(%?)$/.exec(text) ?? [];
  const value = Number(digits);
  if (digits === undefined || (percent === '%' && value > 100)) {
    throw new BackupctlError(
      'usage',
      `--sample ${text} is neither a number of backups nor a share such as 5%`,
    );
  }
  return percent === '%' ? { percent: value } : { number: value };
}
