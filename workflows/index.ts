// The entry of the workflow bundle: every workflow by its name, and nothing else.
export { backup_copy } from './backup_copy.ts';
export { backup_create } from './backup_create.ts';
export { backup_delete } from './backup_delete.ts';
export { backup_run } from './backup_run.ts';
export { backup_undelete } from './backup_undelete.ts';
export { copy_sweep } from './copy_sweep.ts';
export { freshness } from './freshness.ts';
export { instance_change } from './instance_change.ts';
export { janitor } from './janitor.ts';
export { notification } from './notification.ts';
export { notify } from './notify.ts';
export { notify_test } from './notify_test.ts';
export { reconcile } from './reconcile.ts';
export { restore_create } from './restore_create.ts';
export { restore_finish } from './restore_finish.ts';
export { restore_plan } from './restore_plan.ts';
export { schedule_export } from './schedule_export.ts';
