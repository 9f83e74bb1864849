import type { FaultKind } from './kind.ts';
import { copyKinds } from './kinds/copies.ts';
import { fileSystemKinds } from './kinds/file-system.ts';
import { processKinds } from './kinds/processes.ts';
import { sourceKinds } from './kinds/source.ts';
import { storeKinds } from './kinds/store.ts';
import { temporalKinds } from './kinds/temporal.ts';
import { usKinds } from './kinds/us.ts';

/** Every kind, in the order of the table. */
export const kinds: readonly FaultKind[] = [
  ...processKinds,
  ...storeKinds,
  ...copyKinds,
  ...fileSystemKinds,
  ...usKinds,
  ...temporalKinds,
  ...sourceKinds,
];
