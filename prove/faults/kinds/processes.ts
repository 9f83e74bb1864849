import type { FaultKind } from '../kind.ts';

export const processKinds: readonly FaultKind[] = [];
