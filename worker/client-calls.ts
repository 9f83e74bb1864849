import type { CallClient } from '../activities/workbooks/platform.ts';
import { BackupClient } from '../client/client.ts';
import { toDocument } from '../client/snake-case.ts';
import type { BackupClientOptions } from '../client/surroundings.ts';
import { BackupctlError } from '../errors/backupctl-error.ts';
import type { Value } from '../workbooks/expressions/value.ts';

/** Things of a list that has no pages. */
const mostItems = 10_000;

/** What actions of workbooks ask the platform for: the client library, opened when it is first asked. */
export interface ClientCalls {
  call: CallClient;
  close(): Promise<void>;
}

/** @param options of the platform that this worker belongs to */
export function clientCalls(options: BackupClientOptions): ClientCalls {
  let client: BackupClient | undefined;
  return {
    async call(method, args) {
      client ??= BackupClient.open(options);
      const methods = client as unknown as Record<string, (...given: readonly unknown[]) => unknown>;
      const answer: unknown = await methods[method]?.(...args);
      return toDocument(isIterable(answer) ? await collected(answer) : answer) as Value;
    },
    async close() {
      await client?.close();
      client = undefined;
    },
  };
}

function isIterable(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
}

async function collected(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const item of items) {
    if (all.length === mostItems) {
      throw new BackupctlError('refused', `there are more than ${mostItems} of them`, {
        hint: 'ask for pages of them instead',
      });
    }
    all.push(item);
  }
  return all;
}
