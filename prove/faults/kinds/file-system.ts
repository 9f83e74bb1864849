import type { FaultKind } from '../kind.ts';

export const fileSystemKinds: readonly FaultKind[] = [];
