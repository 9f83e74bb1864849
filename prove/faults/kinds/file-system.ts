import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DiskTrouble } from '../../../test/servers/power-cut/fuse-disk.ts';
import { between, type FaultKind, type Injected, type Random } from '../kind.ts';
import type { WorldMount } from '../mounts.ts';
import type { World } from '../world.ts';

const base = { group: 'file system' } as const satisfies Partial<FaultKind>;
const onForgetful = { ...base, worlds: ['forgetful'] } as const satisfies Partial<FaultKind>;
const onSmall = { ...base, worlds: ['small-disk'], takes: 'store' } as const satisfies Partial<FaultKind>;

/** What a restore says that its worker's end has cut: it cannot always go on. */
const restoreCut = [/^restore: .*(the worker|exists|is not empty|was filling|half-filled)/];

const nothing: Injected = { struck: false, what: 'nothing', lift: async () => {} };

function mountOf(world: World): WorldMount {
  if (world.mount === null) throw new Error(`the world ${world.name} has no mount`);
  return world.mount;
}

/** The FUSE disk of the repository, or of the data directory, in trouble. */
function trouble(
  disk: 'repository' | 'data',
  name: string,
  does: string,
  draw: (random: Random) => DiskTrouble,
  more: Partial<FaultKind> = {},
): FaultKind {
  return {
    ...onForgetful,
    // An `up` that is started on a full disk says so, and ends.
    takes: disk === 'repository' ? 'store' : 'platform',
    name,
    does,
    reasons: [],
    ...more,
    async inject(world, random) {
      const fuse = mountOf(world).forgetful?.[disk];
      if (fuse === undefined) return nothing;
      const drawn = draw(random);
      await fuse.trouble(drawn);
      return { struck: true, what: `${disk}: ${JSON.stringify(drawn)}`, lift: () => fuse.trouble({}) };
    },
  };
}

const full: FaultKind = {
  ...onSmall,
  name: 'disk-full',
  does: 'the disk of the repository full at a random byte',
  hold: [500, 5_000],
  reasons: [/the disk is full/],
  async inject(world, random) {
    const { small } = mountOf(world);
    if (small === null) return nothing;
    const room = Math.floor(random() ** 2 * 4_000_000);
    await small.fill(room);
    return { struck: true, what: `${room} bytes of room left`, lift: () => small.drain() };
  },
};

const readOnly: FaultKind = {
  ...onSmall,
  name: 'disk-remounted-read-only',
  does: 'the disk of the repository remounted read-only',
  hold: [500, 5_000],
  reasons: [/read-only/],
  async inject(world) {
    const { small } = mountOf(world);
    if (small === null) return nothing;
    // While a file is open for writing the kernel refuses.
    for (let tries = 0; tries < 200; tries += 1) {
      if (small.readOnly()) {
        return { struck: true, what: 'remounted read-only', lift: async () => small.writable() };
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return nothing;
  },
};

const unmounted: FaultKind = {
  ...onSmall,
  name: 'disk-unmounted',
  does: 'the disk of the repository not mounted any more, and mounted again',
  hold: [500, 4_000],
  reasons: [/does not exist|is not mounted/],
  async inject(world) {
    const { small } = mountOf(world);
    if (small === null) return nothing;
    small.unmount();
    const wrong: string[] = [];
    return {
      struck: true,
      what: 'unmounted',
      wrong,
      lift: async () => {
        for (const name of readdirSync(small.directory)) {
          // Nobody would ever find it there.
          wrong.push(`${name} was written into the empty mount point`);
          rmSync(join(small.directory, name), { recursive: true });
        }
        small.mount();
      },
    };
  },
};

/** The whole machine: everything killed, and both disks left with what was synced, or with a part of the rest as well. */
const powerCut: FaultKind = {
  ...onForgetful,
  name: 'power-cut',
  takes: 'platform',
  does: 'the power of the whole machine cut, and back',
  hold: [0, 500],
  weight: 3,
  reasons: [/^start: (unavailable|lost)/, /^start: exit code (6|null)/, ...restoreCut],
  async inject(world, random) {
    const disks = mountOf(world).forgetful;
    if (disks === null) return nothing;
    const seed = random() < 0.5 ? undefined : Math.floor(random() * 2 ** 31);
    // Not quite at once: the last changes of one disk may be there, and those of the other not.
    await disks.repository.cut(1 + Math.floor(random() * 20));
    await disks.data.cut(1 + Math.floor(random() * 20));
    await disks.repository.cut();
    await disks.data.cut();
    await world.platform.kill9('everything');
    return {
      struck: true,
      what:
        seed === undefined ? 'all that was not synced lost' : `a part of what was not synced lost (${seed})`,
      lift: async () => {
        await disks.repository.reboot(seed);
        await disks.data.reboot(seed);
        await world.restartPlatform();
      },
    };
  },
};

/** A file server that loses its power while we go on: what was open fails, and comes back without what was not synced. */
const serverCut: FaultKind = {
  ...onForgetful,
  name: 'repository-power-cut',
  takes: 'store',
  does: 'the power of the disk of the repository alone cut, and back',
  hold: [100, 3_000],
  reasons: [/EIO|does not exist/],
  async inject(world, random) {
    const disk = mountOf(world).forgetful?.repository;
    if (disk === undefined) return nothing;
    const seed = random() < 0.5 ? undefined : Math.floor(random() * 2 ** 31);
    await disk.cut();
    return {
      struck: true,
      what: `the repository's disk without power (${seed})`,
      lift: () => disk.reboot(seed),
    };
  },
};

export const fileSystemKinds: readonly FaultKind[] = [
  full,
  readOnly,
  unmounted,
  trouble('repository', 'disk-read-only', 'the repository read-only, also for what is open', () => ({
    refuse: 'read-only',
  })),
  trouble(
    'repository',
    'disk-no-permission',
    'the right to use the repository lost, and given back',
    () => ({ refuse: 'no-permission' }),
    { reasons: [/permission denied/] },
  ),
  trouble(
    'repository',
    'disk-io-error',
    'every call on the repository an I/O error',
    () => ({ refuse: 'io-error' }),
    { reasons: [/^start: .*EIO/] },
  ),
  trouble(
    'repository',
    'disk-slow',
    'every call on the repository slow',
    (random) => ({ delay: Math.floor(between(random, 5, 150)) }),
    { hold: [1_000, 6_000] },
  ),
  trouble('data', 'data-disk-slow', 'every call on the data directory slow', (random) => ({
    delay: Math.floor(between(random, 5, 60)),
  })),
  trouble('data', 'data-disk-full', 'the disk of the data directory full', () => ({ capacity: 0 }), {
    hold: [500, 4_000],
    reasons: [/no space left|disk is full|ENOSPC/i],
  }),
  serverCut,
  powerCut,
];
