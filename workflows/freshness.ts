import {
  condition,
  continueAsNew,
  defineSignal,
  proxyActivities,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { FreshnessActivities } from '../activities/freshness.ts';

/** Has it look at once. */
const look = defineSignal('look');

const { check_freshness } = proxyActivities<FreshnessActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '10 seconds',
  retry: { maximumAttempts: 3 },
});

/** What was told of and is not over: conditions and when, in milliseconds. */
export interface FreshnessState {
  token: string;
  raised: Record<string, number>;
}

/** Rounds after which the rest goes on in a run of its own. */
const roundsAtMost = 100;
const between = 60_000;

/**
 * Looks once a minute whether every instance has a good backup in time. There is one of it, for ever. What was told is
 * kept here, so that each change is told once whatever is restarted; the worker is handed it only where it does not know
 * it already, since there may be thousands.
 */
export async function freshness(state: FreshnessState | null): Promise<void> {
  let { token, raised } = state ?? { token: uuid4(), raised: {} };
  let hurry = false;
  setHandler(look, () => {
    hurry = true;
  });
  for (let round = 1; ; round += 1) {
    hurry = false;
    try {
      const request = { now: new Date().toISOString(), token, next_token: uuid4() };
      let found = await check_freshness({ ...request, raised: null });
      if (found.unknown) found = await check_freshness({ ...request, raised });
      raised = { ...raised, ...found.raised };
      for (const key of found.cleared) delete raised[key];
      token = request.next_token;
    } catch {
      // The next round looks again; the worker is handed what was told of.
    }
    if (round >= roundsAtMost || workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof freshness>({ token, raised });
    }
    await condition(() => hurry, between);
  }
}
