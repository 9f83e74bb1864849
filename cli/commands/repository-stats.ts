import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatSize } from '../output/size.ts';

export const command = defineCommand({
  name: 'repository-stats',
  group: 'Repository and keys',
  summary: 'Show how much of what is in the repository and its copies, by instance',
  description:
    'Deleted: what is still stored of backups whose deletion has begun, in a copy that could not be reached also a debt. Unnamed: what no manifest names, of runs that are under way or for the janitor. It needs neither Temporal nor a worker.',
  positionals: {},
  flags: {
    copy: {
      type: 'text',
      value: 'NAME',
      describe: 'read this one only: `primary`, or a copy',
      default: 'all of them',
    },
  },
  prints: 'list',
  examples: [['backupctl repository-stats', 'Every repository and instance']],
  async run(args, context) {
    const client = await context.client();
    const stats = await client.repositoryStats({
      copy: args.copy,
      signal: context.interrupted,
      onProgress: context.showProgress,
    });
    context.progress.clear();
    if (context.output.format !== 'table') await context.output.document(stats);
    else {
      await context.output.list(stats.instances, [
        { header: 'Repository', value: ({ copy }) => copy },
        { header: 'Instance', value: ({ instanceName }) => instanceName },
        { header: 'Instance ID', value: ({ instanceId }) => instanceId, long: true },
        { header: 'Backups', value: ({ backups }) => backups },
        { header: 'Size', value: ({ sealedBytes }) => formatSize(sealedBytes) },
        { header: 'Before Sealing', value: ({ plainBytes }) => formatSize(plainBytes), long: true },
        { header: 'Oldest', value: ({ oldest }) => oldest },
        { header: 'Newest', value: ({ newest }) => newest },
        { header: 'Deleted', value: ({ tombstonedBytes }) => formatSize(tombstonedBytes) },
        { header: 'Damaged', value: ({ damaged }) => damaged },
        { header: 'Unnamed', value: ({ unnamedBytes }) => formatSize(unnamedBytes) },
      ]);
    }
    for (const { copy, problem } of stats.unread)
      context.output.note(`${copy} could not be read: ${problem}`);
    return stats.unread.length > 0 ? exitCodes.unavailable.code : exitCodes.ok.code;
  },
});
