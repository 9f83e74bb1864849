import { inArena } from './arena.ts';
import { time, timeShell } from './measure.ts';
import { type Contest, table } from './report.ts';
import { smallFiles } from './subjects/files.ts';
import type { BenchSubject } from './subjects/subject.ts';
import { subjects } from './subjects/subjects.ts';

export interface DumpOptions {
  rounds: number;
  megabytes: number;
  /** Of `subjects`. */
  engines: readonly string[];
}

/** A full backup of each engine to S3: ours against what an engineer would put into a script, and against restic. */
export async function benchDump({ rounds, megabytes, engines }: DumpOptions): Promise<string> {
  const tables: string[] = [];
  for (const name of engines) {
    const subject = subjects[name];
    if (subject === undefined) throw new Error(`no engine ${name} here`);
    const size = Math.round(megabytes * subject.share);
    tables.push(
      await race(subject, { rounds, megabytes: size, title: `A full backup of ${size} MB to S3: ${name}` }),
    );
  }
  return tables.join('\n');
}

/** 100,000 small files; a first backup each time. */
export async function benchSmallFiles({ rounds, megabytes }: DumpOptions): Promise<string> {
  const thousands = Math.min(100, megabytes);
  const title = `A full backup of ${thousands * 1000} small files to S3`;
  return race(smallFiles, { rounds, megabytes: thousands, title });
}

async function race(
  subject: BenchSubject,
  { rounds, megabytes, title }: { rounds: number; megabytes: number; title: string },
): Promise<string> {
  const { reader, goals = { pipe: 1, restic: 1 } } = subject;
  const ours = '`backup-create --wait`, start and end of the command included';
  const pipe = `\`${reader} \\| zstd -2 \\| age \\| rclone rcat\` (16M parts, 4 at once)`;
  const restic = subject.resticReads
    ? "`restic backup`, a repository's first"
    : `\`${reader} \\| restic backup --stdin\``;
  const contest: Contest = {
    title: `${title} (${subject.contents})`,
    figures: new Map([
      [ours, []],
      [pipe, []],
      [restic, []],
    ]),
    unit: 's',
    goals: new Map([
      [pipe, { atLeast: goals.pipe }],
      [restic, { atLeast: goals.restic }],
    ]),
  };
  await inArena(subject, async ({ subject: running, cli, env: common, bucket, endpoint, recipient }) => {
    const { instance, read, directory, env: own } = await running.make('bench', megabytes);
    const env = { ...common, ...own };
    await cli('instance-create', 'bench', ...instance);
    for (let round = 0; round < rounds; round += 1) {
      const repository = `s3:${endpoint}/${bucket}/restic${round}`;
      await timeShell(`restic -q -r ${repository} init`, env);
      const into = `zstd -q -2 | age -r ${recipient} | rclone rcat --s3-chunk-size 16M --s3-upload-concurrency 4 s3:${bucket}/pipe/${round}.age`;
      const backup = `restic -q -r ${repository} backup`;
      const contenders: [string, () => Promise<number>][] = [
        [ours, () => time(() => cli('backup-create', 'bench', `round-${round}`, '--wait'))],
        [pipe, () => timeShell(`${read} | ${into}`, env)],
        [
          restic,
          () =>
            timeShell(
              directory === undefined ? `${read} | ${backup} --stdin` : `${backup} ${directory}`,
              env,
            ),
        ],
      ];
      // Whoever goes first finds a colder cache, so they take turns at that too.
      for (let turn = 0; turn < contenders.length; turn += 1) {
        const [name, run] = contenders[(turn + round) % contenders.length] as [string, () => Promise<number>];
        contest.figures.get(name)?.push(await run());
      }
    }
  });
  return table(contest);
}
