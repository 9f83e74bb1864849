import type { ChannelAnswer } from '../workflows/types.ts';
import { runToEnd } from './runs.ts';
import type { Surroundings } from './surroundings.ts';

/** See {@link BackupClient.notifyTest}. */
export async function testChannels(
  surroundings: Surroundings,
  channel: string | null,
): Promise<ChannelAnswer[]> {
  return runToEnd<ChannelAnswer[]>(surroundings, { type: 'notify_test', args: [{ channel }] });
}
