import type { FaultKind } from '../kind.ts';

export const usKinds: readonly FaultKind[] = [];
