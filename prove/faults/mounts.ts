import type { Workspace } from '../../test/servers/workspace.ts';
import type { RepositoryMount, WorldName } from './world.ts';

/** How the file systems of worlds are made that do not stand on an ordinary disk; below a workspace that is removed later. */
export const mounts: Partial<Record<WorldName, (workspace: Workspace) => Promise<RepositoryMount>>> = {};
