import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import {
  instanceColumns,
  problemsOf,
  recoveryDocument,
  recoveryProperties,
  scheduleColumns,
  secretColumns,
} from '../views/recovery.ts';

/** Rows of a summary that nobody would scroll through. */
const mostRows = 50;

export const command = defineCommand({
  name: 'recover',
  group: 'Platform',
  summary: 'Take over a repository whose platform is lost, and make its schedules again',
  description: `It reads and checks the repository, takes its next epoch (from then on the old platform can neither commit nor delete), and makes the schedules under their ids, paused. Instances and backups are there by themselves; what was deleted does not come back. It works for the \`up\` that runs on the data directory, or makes the data directory for one. Ended in the middle, it goes on when it is called again; called again with --activate, it lets the schedules fire. It ends with ${exitCodes.damaged.code} when it is done and has found damage.`,
  positionals: {},
  flags: {
    repository: {
      type: 'text',
      value: 'PATH|s3://BUCKET/PREFIX',
      describe: 'the repository, or any copy of it',
      default: 'that of the configuration',
    },
    identity: {
      type: 'file',
      value: 'FILE',
      describe: 'what opens the backups: a copy of identity.txt',
      default: 'that of the configuration',
    },
    trust: {
      type: 'texts',
      value: 'KEY',
      describe: 'a public signing key (ed25519:…) to believe, besides those that the identity vouches for',
    },
    activate: { type: 'switch', describe: 'let the schedules fire, but for those that were paused before' },
    dryRun: { type: 'switch', describe: 'say what would be done, and write nothing anywhere' },
    endpoint: { type: 'text', value: 'URL', describe: 'of an S3 server other than AWS' },
    region: { type: 'text', value: 'REGION', describe: 'of the bucket', default: 'AWS_REGION' },
  },
  prints: 'thing',
  examples: [
    [
      'backupctl recover --data-dir /srv/backupctl --repository /mnt/backups --identity identity.txt --dry-run',
      'What is there, and what would be done',
    ],
    [
      'backupctl recover --data-dir /srv/backupctl --repository s3://backups/prod --identity identity.txt',
      'Take it over; then `backupctl up`, and --activate once all is well',
    ],
  ],
  async run(args, context) {
    const { recover } = await import('../../worker/recovery/recover.ts');
    const recovered = await recover({
      ...args,
      dataDir: context.dataDir,
      configFile: context.configFile,
      env: process.env,
      cwd: process.cwd(),
      onProgress: context.showProgress,
    });
    context.progress.clear();
    const { plan, epoch, running, dataDir, belongings } = recovered;
    const problems = problemsOf(recovered);
    await context.output.thing(recoveryDocument(recovered), recoveryProperties(recovered));
    if (context.output.format === 'table') {
      const few = <T>(all: readonly T[], what: string) => {
        if (context.output.long || all.length <= mostRows) return all;
        context.output.note(`${all.length - mostRows} more ${what}: --long shows all`);
        return all.slice(0, mostRows);
      };
      if (plan.instances.length > 0) {
        await context.output.list(few(plan.instances, 'instances'), instanceColumns(plan));
        context.output.note(
          'URLs and schedules are not signed: see that each is yours before you allow a password or --activate',
        );
      }
      if (plan.schedules.length > 0)
        await context.output.list(few(plan.schedules, 'schedules'), scheduleColumns);
      if (plan.secrets.length > 0) {
        await context.output.list(plan.secrets, secretColumns);
        context.output.note(
          'the worker may not open these secrets (or run these hooks) yet: where the URL and the words are right, run what allows each',
        );
      }
    }
    for (const problem of problems) context.output.note(problem);
    if (epoch === null) {
      context.output.note('nothing was written: this was a dry run');
    } else {
      if (belongings?.written.some((path) => path === plan.identityFile)) {
        context.output.note(
          `keep a new copy of ${plan.identityFile} elsewhere: it vouches for the new signing key`,
        );
      }
      if (recovered.ready === false)
        context.output.note(`the \`up\` that runs (pid ${running?.pid}) is not ready yet: ask its /readyz`);
      if (running === null) context.output.note(`next: backupctl up --data-dir ${dataDir}`);
      if (!args.activate && plan.schedules.some(({ paused }) => paused))
        context.output.note('schedules are paused: recover again with --activate, or schedule-unpause each');
    }
    return problems.length === 0 ? exitCodes.ok.code : exitCodes.damaged.code;
  },
});
