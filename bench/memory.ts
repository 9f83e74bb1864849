import { inArena } from './arena.ts';
import type { DumpOptions } from './dump.ts';
import { peakMiB, residentMiB } from './measure.ts';
import { subjects } from './subjects/subjects.ts';

/** Resident memory of `up` (the worker is in it): idle, and at its highest during a dump of one and of four sizes. */
export async function benchMemory({ megabytes, engines }: DumpOptions): Promise<string> {
  const lines: string[] = [];
  for (const name of engines) lines.push(await line(name, megabytes));
  return `### Memory of the worker

In MiB. The goal: a dump of four times the size needs at most 10% more, no dump needs more than 120 above idle, and none 350 in all.

| engine | idle | size | highest during a dump | four times the size | highest during its dump | goal |
| --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
}

async function line(name: string, megabytes: number): Promise<string> {
  const subject = subjects[name];
  if (subject === undefined) throw new Error(`no engine ${name} here`);
  const size = Math.max(1, Math.round((megabytes / 2) * subject.share));
  return inArena(subject, async ({ subject: running, platform, cli }) => {
    const idle = residentMiB(platform.pid);
    const peaks: number[] = [];
    for (const [of, times] of [
      ['one', 1],
      ['four', 4],
    ] as const) {
      const { instance } = await running.make(of, size * times);
      await cli('instance-create', of, ...instance);
      peaks.push(await peakMiB(platform.pid, () => cli('backup-create', of, of, '--wait')));
    }
    const [one = Number.NaN, four = Number.NaN] = peaks;
    const met = four <= one * 1.1 && Math.max(one, four) <= Math.min(idle + 120, 350);
    const figures = [idle, one, four].map((each) => each.toFixed(0));
    return `| ${name} | ${figures[0]} | ${size} MB | ${figures[1]} | ${size * 4} MB | ${figures[2]} | ${met ? 'met' : 'missed'} |`;
  });
}
