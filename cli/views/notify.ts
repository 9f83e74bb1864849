import type { ChannelAnswer } from '../../client/types.ts';
import type { Column } from '../output/output.ts';

/** One row a channel: did it take the test? */
export const answerColumns: readonly Column<ChannelAnswer>[] = [
  { header: 'Channel', value: ({ channel }) => channel },
  { header: 'OK', value: ({ ok }) => ok },
  { header: 'Answer', value: ({ answer }) => answer },
];
