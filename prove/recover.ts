import { BackupClient } from '../client/client.ts';
import { openStore } from '../repository/stores/open.ts';
import { makeLostPlatform } from '../test/fixtures/lost-platform.ts';
import { startPlatform } from '../test/servers/platform.ts';
import { until } from '../test/servers/wait.ts';
import { createWorkspace, runCli } from '../test/servers/workspace.ts';
import { emptyTally, type OpenProof, type Proof, type Tally } from './proof.ts';

const schedules = 1000;
const backups = 10_000;
const instances = 100;

interface Recovered {
  schedules_done: { created: number };
  backups: { whole: number };
  problems: string[];
}

/** A lost control plane of some size comes back: every schedule under its id, every backup found and checked. */
export const recover: Proof = {
  name: 'recover',
  claim: `${schedules} schedules and ${backups} backups come back on a fresh machine, every manifest checked; the time is that of the one command`,
  unit: 'schedules and backups',
  runs: 1,
  async open(): Promise<OpenProof> {
    const workspace = createWorkspace('prove-recover');
    const path = workspace.path('repository');
    const store = await openStore({ type: 'filesystem', path });
    const lost = await makeLostPlatform(store, workspace.path('kept'), { instances, schedules });
    process.stdout.write(`  writing ${backups} backups\n`);
    await lost.addBackups(backups);
    return {
      async run(index): Promise<Tally> {
        const dataDir = workspace.path(`new-${index}`);
        const words = ['--data-dir', dataDir, '--repository', path, '--identity', lost.identity, '--json'];
        const begun = performance.now();
        const { code, stdout, stderr } = await runCli(['recover', ...words], { timeout: 1_800_000 });
        const seconds = (performance.now() - begun) / 1000;
        const notes: string[] = [];
        if (code !== 0) notes.push(`recover ended with ${code}: ${stderr}`);
        const done = code === 0 ? (JSON.parse(stdout) as Recovered) : null;
        if (done?.backups.whole !== backups) notes.push(`${done?.backups.whole} backups are whole`);
        notes.push(...(await missingSchedules(dataDir, new Set(lost.schedules.map(({ id }) => id)))));
        const tried = schedules + backups;
        const failed = notes.length;
        return { ...emptyTally(), tried, survived: tried - failed, failed, longestSeconds: seconds, notes };
      },
      async close() {
        await store.close();
        await workspace.remove();
      },
    };
  },
};

/** What an `up` on the data directory has, against what there was. */
async function missingSchedules(dataDir: string, wanted: ReadonlySet<string>): Promise<string[]> {
  const platform = await startPlatform({ dataDir, timeout: 300_000 });
  const client = BackupClient.open({ dataDir, env: { PATH: process.env.PATH ?? '' }, cwd: dataDir });
  try {
    // The exporter looks at all of them for the first time just then: on a busy machine Temporal may miss a deadline.
    const listed = await until(() => client.scheduleList(), {
      what: 'the schedules to be listed',
      timeout: 300_000,
      interval: 2_000,
    });
    const there = new Set(listed.map(({ id }) => id));
    return [...wanted].filter((id) => !there.has(id)).map((id) => `schedule ${id} did not come back`);
  } finally {
    await client.close();
    await platform.stop();
  }
}
