import type { FaultKind } from '../kind.ts';

export const storeKinds: readonly FaultKind[] = [];
