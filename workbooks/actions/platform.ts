import { type ActionFacts, parameters } from './action.ts';

/** What a workbook may ask of the platform: the action, and which method of its client answers. */
export interface PlatformAction extends ActionFacts {
  readonly method: string;
  /** How many of the parameters the method takes one by one; the others are its options. */
  readonly positional: number;
  /** Waits for the end of what the method has begun. */
  readonly waits: boolean;
  /** Asked twice, it does what it does once: also where a worker was lost between. */
  readonly repeatable: boolean;
}

const schedule =
  'description=null, timezone=null, overlap=null, on_busy=null, catchup_window=null, jitter=null, max_age=null, keep_last=null, hooks=null';

/** Name, method, parameters, what it does. Parameters have the names of the client's, in snake case. */
const own: readonly (readonly [string, string, string, string])[] = [
  [
    'schedule_create',
    'scheduleCreate',
    `instance, pattern, name, ${schedule}, paused=false, incremental=false, parent_id=null, selection=null, yield_to_ddl=null, workflow=null`,
    'Creates a schedule.',
  ],
  ['schedule_list', 'scheduleList', 'instance=null', 'Schedules of an instance, or all.'],
  ['schedule_show', 'scheduleShow', 'id', 'A schedule.'],
  ['schedule_delete', 'scheduleDelete', 'id', 'Deletes a schedule.'],
  ['schedule_update', 'scheduleUpdate', `id, name=null, pattern=null, ${schedule}`, 'Changes a schedule.'],
  ['schedule_pause', 'schedulePause', 'id, note=null', 'Stops a schedule from firing.'],
  ['schedule_unpause', 'scheduleUnpause', 'id, note=null', 'Lets a schedule fire again.'],
  ['schedule_trigger', 'scheduleTrigger', 'id', 'Starts a run of a schedule now.'],
  [
    'schedule_backfill',
    'scheduleBackfill',
    'id, from, to',
    'Runs the past fires of a schedule of a workflow; times are ISO 8601.',
  ],
  [
    'cron_trigger_create',
    'cronTriggerCreate',
    'name, workflow, pattern=null, first_execution_time=null, count=null, input=null, params=null',
    'Creates a cron trigger.',
  ],
  ['cron_trigger_list', 'cronTriggerList', '', 'Cron triggers, the oldest first.'],
  ['cron_trigger_show', 'cronTriggerShow', 'name', 'A cron trigger.'],
  ['cron_trigger_delete', 'cronTriggerDelete', 'name', 'Deletes a cron trigger.'],
  [
    'execution_list',
    'executionList',
    'schedule, marker=null, limit=null',
    'A page of executions of a schedule.',
  ],
  [
    'execution_list_by_instance',
    'executionListByInstance',
    'instance, marker=null, limit=null',
    'A page of executions of an instance.',
  ],
  ['executions', 'executions', 'schedule', 'All executions of a schedule, the newest first.'],
  ['execution_show', 'executionShow', 'id', 'An execution, and its steps.'],
  ['execution_cancel', 'executionCancel', 'id', 'Asks an execution to stop.'],
  ['execution_wait', 'executionWait', 'id', 'Waits for the end of an execution.'],
  ['execution_logs', 'executionLogs', 'id, offset=null', "Lines of an execution's log."],
  ['execution_delete', 'executionDelete', 'id', 'Removes an execution that is over.'],
  [
    'workflow_execution_list',
    'workflowExecutionList',
    'marker=null, limit=null',
    'A page of executions of workflows.',
  ],
  ['workflow_execution_show', 'workflowExecutionShow', 'id', 'An execution of a workflow, and its tasks.'],
  ['workflow_execution_wait', 'workflowExecutionWait', 'id', 'Waits for the end or a pause of a workflow.'],
  ['execution_pause', 'executionPause', 'id', 'Pauses an execution of a workflow.'],
  ['execution_resume', 'executionResume', 'id, env=null', 'Lets a paused execution go on.'],
  [
    'execution_rerun',
    'executionRerun',
    'id, task, reset=false, skip=false, env=null',
    'Runs a failed task of an execution once more.',
  ],
  ['task_list', 'taskList', 'execution', 'Tasks of an execution of a workflow.'],
  ['task_show', 'taskShow', 'task, execution=null', 'A task of an execution of a workflow.'],
  [
    'action_execution_update',
    'actionExecutionUpdate',
    'id, state, output=null, execution=null',
    'Ends an asynchronous action.',
  ],
  ['action_list', 'actionList', '', 'Actions, sorted by name.'],
  ['action_delete', 'actionDelete', 'name', 'Deletes an action that belongs to no workbook.'],
  ['action_run', 'actionRun', 'name, input=null', 'Runs an action outside of any workflow.'],
  ['workbook_create', 'workbookCreate', 'text, update=false', 'Creates or changes a workbook.'],
  ['workbook_list', 'workbookList', '', 'Workbooks, sorted by name.'],
  ['workbook_show', 'workbookShow', 'name', 'A workbook and its text.'],
  ['workbook_delete', 'workbookDelete', 'name', 'Deletes a workbook.'],
  ['workflow_list', 'workflowList', '', 'Workflows, sorted by name.'],
  ['workflow_show', 'workflowShow', 'name', 'A workflow and what it does.'],
  ['workflow_delete', 'workflowDelete', 'name', 'Deletes a workflow that belongs to no workbook.'],
  [
    'workflow_run',
    'workflowRun',
    'name, input=null, params=null, description=null',
    'Starts an execution of a workflow, and waits for its end or a pause.',
  ],
  ['instance_list', 'instanceList', '', 'Instances, sorted by name.'],
  ['instance_show', 'instanceShow', 'instance, check=false, coverage=false', 'An instance.'],
  [
    'instance_create',
    'instanceCreate',
    'name, url, password=null, task_queue=null, max_age=null, hooks=null, check=true',
    'Registers an instance.',
  ],
  [
    'instance_update',
    'instanceUpdate',
    'instance, name=null, url=null, password=null, task_queue=null, max_age=null, hooks=null, check=true',
    'Changes an instance.',
  ],
  ['instance_delete', 'instanceDelete', 'instance', 'Takes an instance from the registry.'],
  [
    'backup_create',
    'backupCreate',
    'instance, name, description=null, parent_id=null, incremental=false, selection=null, yield_to_ddl=null',
    "Backs an instance up, and waits for the backup's end.",
  ],
  [
    'backup_list',
    'backupList',
    'instance=null, datastore=null, deleted=false, marker=null, limit=null',
    'A page of backups.',
  ],
  [
    'backup_list_instance',
    'backupListInstance',
    'instance, datastore=null, deleted=false, marker=null, limit=null',
    'A page of backups of an instance.',
  ],
  ['backup_show', 'backupShow', 'backup', 'A backup.'],
  ['backup_copy', 'backupCopy', 'backup, to', 'Copies a backup to another repository, and waits for that.'],
  ['backup_delete', 'backupDelete', 'backup', 'Deletes a backup: its bytes go after the grace period.'],
  ['backup_undelete', 'backupUndelete', 'backup', 'Brings a deleted backup back.'],
  ['backup_verify', 'backupVerify', 'backup, data=false, copy=null', 'Compares a backup with its manifest.'],
  ['backup_heal', 'backupHeal', 'backup, copy=null', 'Makes a backup right in every repository.'],
  ['backup_contents', 'backupContents', 'backup', 'What is inside of a backup.'],
  ['backup_content_lines', 'backupContentLines', 'backup', 'The same, one after the other.'],
  [
    'backup_export',
    'backupExport',
    'backup, directory, unsealed=false',
    "Writes a backup's objects into a directory of the worker's machine.",
  ],
  [
    'backup_how_to_restore',
    'backupHowToRestore',
    'backup',
    'Commands that restore a backup with stock tools.',
  ],
  [
    'restore_create',
    'restoreCreate',
    'backup, instance=null, options=null',
    'Restores a backup, and waits for the end.',
  ],
  ['restore_plan', 'restorePlan', 'backup, instance=null, options=null', 'What a restore would do.'],
  ['restore_list', 'restoreList', 'instance=null, marker=null, limit=null', 'A page of restores.'],
  ['restore_show', 'restoreShow', 'id', 'A restore.'],
  ['restore_cancel', 'restoreCancel', 'id', 'Asks a restore to stop.'],
  ['restore_finish', 'restoreFinish', 'id', 'Drops what an overwriting restore kept, and waits for that.'],
  ['janitor_run', 'janitorRun', 'grace=null', 'Removes what crashed runs have left, and waits for that.'],
  ['notify_test', 'notifyTest', 'channel=null', 'Sends a test through the channels.'],
  [
    'repository_check',
    'repositoryCheck',
    'copy=null, data=null',
    'Reads everything in the repositories, and says what is wrong.',
  ],
  ['repository_stats', 'repositoryStats', 'copy=null', 'Sizes by repository and instance.'],
  ['channel_health', 'channelHealth', '', 'Channels through which messages do not get.'],
  ['check_freshness', 'checkFreshness', 'max_age=null', 'Whether each instance has a good backup in time.'],
  ['status', 'status', '', 'Whether each instance is protected, and if not, why.'],
];

/** Under the names of Trove's client in Mistral. */
const trove: readonly (readonly [string, string, string, string])[] = [
  [
    'backups_create',
    'backupCreate',
    'instance, name, description=null, parent_id=null, incremental=false',
    "Backs an instance up, and waits for the backup's end.",
  ],
  ['backups_list', 'backupList', 'limit=null, marker=null, datastore=null', 'A page of backups.'],
  ['backups_get', 'backupShow', 'backup', 'A backup.'],
  ['backups_delete', 'backupDelete', 'backup', 'Deletes a backup.'],
  [
    'backups_schedule_create',
    'scheduleCreate',
    'instance, pattern, name, description=null, incremental=false',
    'Creates a schedule of backups.',
  ],
  ['backups_schedule_list', 'scheduleList', 'instance', 'Schedules of an instance.'],
  ['backups_schedule_show', 'scheduleShow', 'schedule', 'A schedule.'],
  ['backups_schedule_delete', 'scheduleDelete', 'schedule', 'Deletes a schedule.'],
  [
    'backups_execution_list',
    'executionList',
    'schedule, marker=null, limit=null',
    'Executions of a schedule.',
  ],
  ['backups_execution_delete', 'executionDelete', 'execution', 'Removes an execution that is over.'],
  ['instances_list', 'instanceList', '', 'Instances, sorted by name.'],
  ['instances_get', 'instanceShow', 'instance', 'An instance.'],
  ['instances_backups', 'backupListInstance', 'instance, limit=null, marker=null', 'Backups of an instance.'],
];

const waiting = new Set([
  'backupCreate',
  'backupCopy',
  'backupDelete',
  'backupUndelete',
  'backupHeal',
  'executionWait',
  'restoreCreate',
  'restoreFinish',
  'janitorRun',
  'workflowRun',
]);

/** Those that take parameters one by one which may be left out, or such as have to be given among their options. */
const positional: Readonly<Record<string, number>> = {
  scheduleList: 1,
  schedulePause: 2,
  scheduleUnpause: 2,
  restoreCreate: 2,
  restorePlan: 2,
  executionResume: 2,
  taskShow: 2,
  actionRun: 2,
  scheduleBackfill: 1,
  executionRerun: 1,
  actionExecutionUpdate: 1,
};

/** What makes or starts another thing each time. */
const unrepeatable = new Set([
  'scheduleCreate',
  'scheduleTrigger',
  'instanceCreate',
  'restoreCreate',
  'backupExport',
  'janitorRun',
  'notifyTest',
  'executionRerun',
  'workflowRun',
  'actionRun',
  'scheduleBackfill',
  'cronTriggerCreate',
]);

/** `backupctl.*` and `trove.*`. */
export const platformActions: readonly PlatformAction[] = [
  ...own.map((row) => fact('backupctl', row)),
  ...trove.map((row) => fact('trove', row)),
];

function fact(
  family: string,
  [name, method, signature, description]: readonly [string, string, string, string],
): PlatformAction {
  const list = parameters(signature);
  return {
    name: `${family}.${name}`,
    className: `backupctl.actions.${family === 'trove' ? 'TroveAction' : 'ClientAction'}`,
    parameters: list,
    open: false,
    description,
    synchronous: true,
    runs: 'activity',
    method,
    positional: positional[method] ?? list.filter((parameter) => parameter.default === undefined).length,
    waits: waiting.has(method),
    repeatable: !unrepeatable.has(method),
  };
}
