import { between, type FaultKind } from '../kind.ts';

/** What the source's end of a connection makes of a run, in the words of the product. */
const goneWords = [/connection|server closed|terminat|shut(ting)? down|ECONNRESET|does not answer/i];

const connectionReset: FaultKind = {
  name: 'source-reset',
  group: 'source',
  does: 'every connection to the source reset',
  worlds: ['directory', 'bucket'],
  reasons: goneWords,
  async inject(world, random) {
    const open = world.source.connections;
    const after = Math.floor(between(random, 0, 400_000));
    const fault = world.source.inject({ action: 'reset', direction: 'to-client', after });
    return {
      struck: open > 0,
      what: `${open} connections to the source reset after ${after} more bytes`,
      lift: async () => fault.remove(),
    };
  },
};

export const sourceKinds: readonly FaultKind[] = [connectionReset];
