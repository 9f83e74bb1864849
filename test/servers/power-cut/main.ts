import { spawnSync } from 'node:child_process';
import { openSync, read, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type DiskTrouble, FuseDisk } from './fuse-disk.ts';
import { parseRequest, REQUEST_ROOM } from './fuse-wire.ts';

/** An order on standard input, one JSON object a line; each is answered by one line. */
export type DiskOrder = { id: number } & (
  | { order: 'cut'; afterChanges: number }
  | { order: 'reboot'; seed: number | null }
  | { order: 'trouble'; trouble: DiskTrouble }
  | { order: 'state' }
);

export interface DiskAnswer {
  id: number;
  changes: number;
  powered: boolean;
}

// Mounts the disk at the given directory, and serves it until standard input ends or somebody unmounts it.
const [mountPoint] = process.argv.slice(2);
if (mountPoint === undefined) throw new Error('usage: main.ts MOUNT-POINT');
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const fd = openSync('/dev/fuse', 'r+');
const mounted = spawnSync(
  'mount',
  [
    ...['-i', '-t', 'fuse', '-o'],
    `fd=3,rootmode=40000,user_id=${owner.uid},group_id=${owner.gid},allow_other,default_permissions`,
    ...['backupctl-test-disk', mountPoint],
  ],
  { stdio: ['ignore', 'ignore', 'pipe', fd] },
);
if (mounted.status !== 0) {
  process.stderr.write(`${mounted.stderr}`);
  process.exit(1);
}
const disk = new FuseDisk(owner);

function serve(): void {
  const bytes = Buffer.allocUnsafe(REQUEST_ROOM);
  read(fd, bytes, 0, bytes.length, null, (error, length) => {
    if (error !== null) {
      // Interrupted before it was read, or the file system is unmounted.
      if (error.code !== 'ENOENT' && error.code !== 'EINTR' && error.code !== 'EAGAIN') process.exit(0);
      serve();
      return;
    }
    const request = parseRequest(bytes.subarray(0, length));
    const delay = disk.trouble.delay ?? 0;
    if (delay > 0) setTimeout(() => reply(disk.answer(request)), delay);
    else reply(disk.answer(request));
    serve();
  });
}

function reply(bytes: Buffer | null): void {
  if (bytes === null) return;
  try {
    writeSync(fd, bytes);
  } catch (error) {
    // The caller was killed meanwhile, or all is over.
    if (!['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function obey(order: DiskOrder): void {
  if (order.order === 'cut') disk.cut(order.afterChanges);
  else if (order.order === 'reboot') disk.reboot(order.seed);
  else if (order.order === 'trouble') disk.trouble = order.trouble;
  tell({ id: order.id, changes: disk.changes, powered: disk.powered });
}

const tell = (told: DiskAnswer) => process.stdout.write(`${JSON.stringify(told)}\n`);

serve();
const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => obey(JSON.parse(line) as DiskOrder));
// Whoever started this has ended: nobody else would take the mount away.
orders.on('close', () => {
  spawnSync('umount', ['-l', mountPoint]);
  process.kill(process.pid, 'SIGKILL');
});
tell({ id: 0, changes: 0, powered: true });
