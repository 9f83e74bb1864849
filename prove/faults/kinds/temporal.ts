import type { FaultKind } from '../kind.ts';

export const temporalKinds: readonly FaultKind[] = [];
