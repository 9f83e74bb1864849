import { BackupctlError, messageOf } from '../errors/backupctl-error.ts';
import type { Repository } from '../repository/repository.ts';
import { storedWorkbooks } from '../repository/workbooks.ts';
import { Definitions } from '../workbooks/engine/definitions.ts';
import { checkedInput } from '../workbooks/engine/lifecycle.ts';
import { RunError } from '../workbooks/engine/run-error.ts';
import type { Dictionary } from '../workbooks/expressions/value.ts';
import { parseDefinitions } from '../workbooks/language/check.ts';
import type { WorkflowDefinition } from '../workbooks/language/definition.ts';
import { normalizeWorkflow } from '../workbooks/language/normalize.ts';

/**
 * A workflow of the registry as it is now. A workbook that cannot be read is passed over, as runs do.
 * @param name in full: `trove.backup_create`
 * @throws BackupctlError not-found
 */
export async function registeredWorkflow(repository: Repository, name: string): Promise<WorkflowDefinition> {
  const definitions = new Definitions();
  for (const { kind, name: stored, text } of await storedWorkbooks(repository)) {
    if (kind === 'workbook' ? !name.startsWith(`${stored}.`) : stored !== name) continue;
    const { raw, faults } = parseDefinitions(text);
    if (raw !== undefined && faults.length === 0) definitions.addFile(kind, stored, raw);
  }
  const found = definitions.workflow(name);
  if (found === undefined) {
    throw new BackupctlError('not-found', `there is no workflow ${name}`, {
      hint: '`backupctl workflow-list` shows those that exist, each as WORKBOOK.WORKFLOW',
    });
  }
  return normalizeWorkflow(name.slice((found.workbook?.length ?? -1) + 1), found.spec);
}

/**
 * What a workflow can be started with: the input has all that it declares without a default, and nothing else.
 * @throws BackupctlError usage, in Mistral's words
 */
export function checkStart(definition: WorkflowDefinition, input: Dictionary, params: Dictionary): void {
  checkInput(definition, input);
  if (definition.type === 'reverse' && typeof params.task_name !== 'string') {
    throw new BackupctlError(
      'usage',
      `the workflow ${definition.name} is a reverse one, and needs a target`,
      {
        hint: 'name it in the parameters: {"task_name": "…"}',
      },
    );
  }
}

/** The input alone. @throws BackupctlError usage, in Mistral's words */
export function checkInput(definition: WorkflowDefinition, input: Dictionary): void {
  try {
    checkedInput(definition, definition.name, input);
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    throw new BackupctlError('usage', messageOf(error), {
      hint: `it takes ${definition.input.map(described).join(', ') || 'no input'}`,
      cause: error,
    });
  }
}

function described({ name, default: value }: WorkflowDefinition['input'][number]): string {
  return value === undefined ? name : `${name}=${JSON.stringify(value)}`;
}
