import type { Connection } from '@temporalio/client';
import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import { searchAttributes } from '../workflows/types.ts';

/** INDEXED_VALUE_TYPE_KEYWORD of Temporal's API. */
const keyword = 2;

/**
 * Sees to it that the namespace has our search attributes. Where we may not add them (Temporal Cloud), what is
 * missing is named together with the command that an administrator runs.
 * @throws BackupctlError configuration
 */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length === 0) return;
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, keyword])),
    });
  } catch (cause) {
    // Another worker may have been faster.
    const still = await missingSearchAttributes(connection, namespace).catch(() => missing);
    if (still.length === 0) return;
    const flags = still.map((name) => `--name ${name} --type Keyword`).join(' ');
    throw new BackupctlError(
      'configuration',
      `the namespace ${namespace} lacks the search attributes ${still.join(', ')}, and they could not be added: ${messageOf(cause)}`,
      {
        hint: `have its administrator run: temporal operator search-attribute create --namespace ${namespace} ${flags}`,
        cause,
      },
    );
  }
}

async function missingSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const names = Object.values(searchAttributes);
  const known = await knownSearchAttributes(connection, namespace);
  return names.filter((name) => known[name] !== keyword);
}

/** Clusters name them through the operator service; Temporal Cloud through the workflow service alone. */
async function knownSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<Record<string, unknown>> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return customAttributes ?? {};
  } catch {
    const { keys } = await connection.workflowService.getSearchAttributes({});
    return keys ?? {};
  }
}

/** How long closed executions stay; the development server's own default is a day. */
export async function keepHistory(connection: Connection, namespace: string, days: number): Promise<void> {
  const seconds = days * 86_400;
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) === seconds) return;
  await connection.workflowService.updateNamespace({
    namespace,
    config: { workflowExecutionRetentionTtl: { seconds: seconds as never } },
  });
}
