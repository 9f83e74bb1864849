import type { AnyCommand } from './command.ts';

/** A command's module, by its name: nothing of it is loaded before it is asked for. */
export const catalog = {
  'schedule-create': () => import('./commands/schedule-create.ts'),
  'schedule-list': () => import('./commands/schedule-list.ts'),
  'schedule-show': () => import('./commands/schedule-show.ts'),
  'schedule-update': () => import('./commands/schedule-update.ts'),
  'schedule-delete': () => import('./commands/schedule-delete.ts'),
  'schedule-pause': () => import('./commands/schedule-pause.ts'),
  'schedule-unpause': () => import('./commands/schedule-unpause.ts'),
  'schedule-trigger': () => import('./commands/schedule-trigger.ts'),
  'schedule-backfill': () => import('./commands/schedule-backfill.ts'),
  'cron-trigger-create': () => import('./commands/cron-trigger-create.ts'),
  'cron-trigger-list': () => import('./commands/cron-trigger-list.ts'),
  'cron-trigger-show': () => import('./commands/cron-trigger-show.ts'),
  'cron-trigger-delete': () => import('./commands/cron-trigger-delete.ts'),
  'execution-list': () => import('./commands/execution-list.ts'),
  'execution-show': () => import('./commands/execution-show.ts'),
  'execution-logs': () => import('./commands/execution-logs.ts'),
  'execution-cancel': () => import('./commands/execution-cancel.ts'),
  'execution-delete': () => import('./commands/execution-delete.ts'),
  'execution-pause': () => import('./commands/execution-pause.ts'),
  'execution-resume': () => import('./commands/execution-resume.ts'),
  'execution-rerun': () => import('./commands/execution-rerun.ts'),
  'task-list': () => import('./commands/task-list.ts'),
  'task-show': () => import('./commands/task-show.ts'),
  'action-execution-update': () => import('./commands/action-execution-update.ts'),
  'workbook-validate': () => import('./commands/workbook-validate.ts'),
  'workbook-create': () => import('./commands/workbook-create.ts'),
  'workbook-list': () => import('./commands/workbook-list.ts'),
  'workbook-show': () => import('./commands/workbook-show.ts'),
  'workbook-delete': () => import('./commands/workbook-delete.ts'),
  'workflow-list': () => import('./commands/workflow-list.ts'),
  'workflow-show': () => import('./commands/workflow-show.ts'),
  'workflow-run': () => import('./commands/workflow-run.ts'),
  'workflow-graph': () => import('./commands/workflow-graph.ts'),
  'workflow-delete': () => import('./commands/workflow-delete.ts'),
  'action-list': () => import('./commands/action-list.ts'),
  'action-run': () => import('./commands/action-run.ts'),
  'action-delete': () => import('./commands/action-delete.ts'),
  'expression-evaluate': () => import('./commands/expression-evaluate.ts'),
  'instance-create': () => import('./commands/instance-create.ts'),
  'instance-list': () => import('./commands/instance-list.ts'),
  'instance-show': () => import('./commands/instance-show.ts'),
  'instance-update': () => import('./commands/instance-update.ts'),
  'instance-delete': () => import('./commands/instance-delete.ts'),
  'backup-create': () => import('./commands/backup-create.ts'),
  'backup-list': () => import('./commands/backup-list.ts'),
  'backup-list-instance': () => import('./commands/backup-list-instance.ts'),
  'backup-show': () => import('./commands/backup-show.ts'),
  'backup-contents': () => import('./commands/backup-contents.ts'),
  'backup-verify': () => import('./commands/backup-verify.ts'),
  'backup-heal': () => import('./commands/backup-heal.ts'),
  'backup-export': () => import('./commands/backup-export.ts'),
  'backup-copy': () => import('./commands/backup-copy.ts'),
  'backup-delete': () => import('./commands/backup-delete.ts'),
  'backup-undelete': () => import('./commands/backup-undelete.ts'),
  'restore-create': () => import('./commands/restore-create.ts'),
  'restore-list': () => import('./commands/restore-list.ts'),
  'restore-show': () => import('./commands/restore-show.ts'),
  'restore-cancel': () => import('./commands/restore-cancel.ts'),
  'restore-finish': () => import('./commands/restore-finish.ts'),
  'repository-init': () => import('./commands/repository-init.ts'),
  'repository-check': () => import('./commands/repository-check.ts'),
  'repository-stats': () => import('./commands/repository-stats.ts'),
  'key-create': () => import('./commands/key-create.ts'),
  'key-check': () => import('./commands/key-check.ts'),
  'key-rotate': () => import('./commands/key-rotate.ts'),
  up: () => import('./commands/up.ts'),
  worker: () => import('./commands/worker.ts'),
  recover: () => import('./commands/recover.ts'),
  status: () => import('./commands/status.ts'),
  'notify-test': () => import('./commands/notify-test.ts'),
  'janitor-run': () => import('./commands/janitor-run.ts'),
  completion: () => import('./commands/completion.ts'),
} as const satisfies Record<string, () => Promise<{ command: AnyCommand }>>;

export type CommandName = keyof typeof catalog;

/** Every command's name, in the order of `--help`. */
export const commandNames = Object.keys(catalog) as CommandName[];

/** Loads one command; undefined when there is none of that name. */
export async function loadCommand(name: string): Promise<AnyCommand | undefined> {
  if (!Object.hasOwn(catalog, name)) return undefined;
  const module = await catalog[name as CommandName]();
  return module.command;
}

/** Loads all of them, for help, completion and the reference. */
export async function loadAllCommands(): Promise<AnyCommand[]> {
  return Promise.all(commandNames.map(async (name) => (await catalog[name]()).command));
}
