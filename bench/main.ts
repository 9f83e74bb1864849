import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchDump, benchSmallFiles } from './dump.ts';
import { benchListing } from './listing.ts';
import { benchMemory } from './memory.ts';
import { benchRestore } from './restore.ts';
import { subjects } from './subjects/subjects.ts';
import { benchWorkbooks } from './workbooks.ts';

const usage = `npm run bench -- [--only dump|small-files|memory|restore|listing|workbooks] [--engine NAME] [--rounds N] [--megabytes N] [--write]

  --only NAME      one part only
  --engine NAME    of backups and memory, one engine only: ${Object.keys(subjects).join(', ')}
  --rounds N       how often each contender runs, in turn (5)
  --megabytes N    size of what is backed up (600)
  --write          put the tables into docs/benchmarks.md
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    engine: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    megabytes: { type: 'string', default: '600' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const options = {
  rounds: Number(values.rounds),
  megabytes: Number(values.megabytes),
  engines: values.engine === undefined ? Object.keys(subjects) : [values.engine],
};
const parts = {
  dump: benchDump,
  'small-files': benchSmallFiles,
  memory: benchMemory,
  restore: benchRestore,
  listing: benchListing,
  workbooks: benchWorkbooks,
};

const tables: string[] = [];
for (const [name, part] of Object.entries(parts)) {
  if (values.only !== undefined && values.only !== name) continue;
  process.stderr.write(`bench: ${name} …\n`);
  const text = await part(options);
  process.stdout.write(`${text}\n`);
  tables.push(text);
}
if (values.write) {
  writeFileSync(
    join(import.meta.dirname, '..', 'docs', 'benchmarks.md'),
    `${preamble()}\n${tables.join('\n')}`,
  );
}

function preamble(): string {
  const version = (program: string, ...args: string[]) =>
    execFileSync(program, args, { encoding: 'utf8' }).split('\n')[0]?.trim() ?? '';
  return `# Benchmarks

Made by \`npm run bench -- --write\`; the contenders take turns in one run, on one machine. Take the ratios, not the
seconds. A ratio is the contender's time divided by ours in the same round: above 1 we are faster.

| | |
| --- | --- |
| machine | ${cpus().length} cores, ${cpus()[0]?.model ?? ''}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()} |
| size | about ${options.megabytes} MB, half of it random bytes |
| engines | ${options.engines.join(', ')}: real servers, but FerretDB where no \`mongod\` is on PATH |
| rounds | ${options.rounds} |
| Node | ${process.version} |
| zstd | ${version('zstd', '--version')} |
| age | ${version('age', '--version')} |
| restic | ${version('restic', 'version')} |
| rclone | ${version('rclone', 'version')} |
`;
}
