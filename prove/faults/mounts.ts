import { type PowerCutFs, startPowerCutFs, whyNoFuse } from '../../test/servers/power-cut.ts';
import { type SmallDisk, startSmallDisk, whyNoLoop } from '../../test/servers/small-disk.ts';
import type { WorldName } from './world.ts';

/** File systems made for one world. */
export interface WorldMount {
  /** The mount point of the file system below the repository, which is a directory in it. */
  path: string;
  /** The same for the data directory; null where that is on an ordinary disk. */
  dataPath: string | null;
  /** Only in `small-disk`. */
  small: SmallDisk | null;
  /** Only in `forgetful`: one disk for the repository, another for the data directory. */
  forgetful: { repository: PowerCutFs; data: PowerCutFs } | null;
  /** Gives the file systems back. Called once `up` has ended. */
  unmount(): Promise<void>;
}

const SMALL = 160 * 2 ** 20;

/** How the file systems of worlds are made that do not stand on an ordinary disk. */
export const mounts: Partial<Record<WorldName, () => Promise<WorldMount>>> = {
  'small-disk': async () => {
    const small = await startSmallDisk(SMALL);
    return { path: small.directory, dataPath: null, small, forgetful: null, unmount: () => small.stop() };
  },
  forgetful: async () => {
    const repository = await startPowerCutFs();
    const data = await startPowerCutFs();
    return {
      path: repository.directory,
      dataPath: data.directory,
      small: null,
      forgetful: { repository, data },
      unmount: async () => {
        await repository.stop();
        await data.stop();
      },
    };
  },
};

/** Why a world cannot be made on this machine, or null. */
export function whyNoWorld(name: WorldName): string | null {
  if (name === 'small-disk') return whyNoLoop();
  return name === 'forgetful' ? whyNoFuse() : null;
}
