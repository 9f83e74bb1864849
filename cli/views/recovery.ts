import type { RecoveryPlan } from '../../worker/recovery/plan.ts';
import type { Recovered } from '../../worker/recovery/recover.ts';
import type { Column, Property } from '../output/output.ts';

/** What was found and done, as `--json` gives it. */
export function recoveryDocument({ plan, dataDir, epoch, belongings, schedules, running }: Recovered) {
  const { survey } = plan;
  return {
    dry_run: epoch === null,
    data_dir: dataDir,
    repository: { id: plan.repositoryId, location: plan.location },
    owner_before: plan.owner,
    epoch,
    signer: belongings?.signer ?? null,
    files_written: belongings?.written ?? [],
    running_platform: running === null ? null : { pid: running.pid ?? null, port: running.port ?? null },
    instances: plan.instances.map((instance) => ({
      id: instance.id,
      name: instance.name,
      datastore: instance.engine,
      url: instance.url,
      password: instance.password,
      task_queue: instance.task_queue,
      backups: backupsOf(survey, instance.id),
    })),
    schedules: plan.schedules,
    schedules_done: schedules && {
      created: schedules.created.length,
      changed: schedules.changed.length,
      deleted: schedules.deleted.length,
      kept: schedules.kept.length,
    },
    workbooks: plan.workbooks,
    places: plan.places,
    deleted_before: plan.deleted,
    backups: {
      whole: survey.whole,
      deleting: survey.deleting,
      damaged: survey.damaged,
      incomplete: survey.incomplete,
    },
    secrets: plan.secrets,
    problems: problemsOf({ plan, schedules }),
  };
}

function backupsOf({ instances }: RecoveryPlan['survey'], id: string): number {
  return instances.find((instance) => instance.id === id)?.backups ?? 0;
}

/** Everything that a person has to look at, a line each. */
export function problemsOf({ plan, schedules }: Pick<Recovered, 'plan' | 'schedules'>): string[] {
  const { survey, problems, places } = plan;
  return [
    ...problems,
    ...places.flatMap(problemOfPlace),
    ...survey.damaged.map(({ backupId, problem }) => `backup ${backupId}: ${problem}`),
    ...survey.incomplete.map(
      ({ backupId, name, missing, first }) =>
        `backup ${name} (${backupId}) lacks ${missing === 1 ? 'an object' : `${missing} objects`}: ${first}`,
    ),
    ...(schedules?.problems ?? []).map(({ id, name, problem }) => `schedule ${name} (${id}): ${problem}`),
  ];
}

/** Only where there are several: of one alone the recovery has already said what is wrong. */
function problemOfPlace({ name, location, problem, lacks }: RecoveryPlan['places'][number]): string[] {
  if (problem !== null) return [`${name} (${location}) is left out: ${problem}`];
  if (lacks.length === 0) return [];
  const some = lacks.slice(0, 3).join(', ');
  const more = lacks.length > 3 ? `, and ${lacks.length - 3} more` : '';
  return [`${name} (${location}) lacks ${lacks.length} backups that another one has: ${some}${more}`];
}

export function recoveryProperties(recovered: Recovered): Record<string, Property> {
  const { plan, dataDir, epoch, schedules } = recovered;
  const { survey, owner } = plan;
  const always = (value: unknown): Property => ({ value, show: 'always' });
  const some = (value: unknown, isDefault: boolean): Property => ({ value, show: 'set', isDefault });
  const paused = plan.schedules.filter((schedule) => schedule.paused).length;
  return {
    backups: always(survey.whole),
    backups_damaged: some(survey.damaged.length, survey.damaged.length === 0),
    backups_incomplete: some(survey.incomplete.length, survey.incomplete.length === 0),
    backups_being_deleted: some(survey.deleting, survey.deleting === 0),
    data_dir: always(dataDir),
    dry_run: always(epoch === null),
    epoch: always(epoch?.epoch ?? (plan.owned ? owner?.epoch : (owner?.epoch ?? 0) + 1)),
    ...(plan.places.length < 2
      ? {}
      : {
          copies: always(
            plan.places.map(({ name, backups }) => `${name}: ${backups ?? 'left out'}`).join(', '),
          ),
        }),
    instances: always(plan.instances.length),
    owner_before: always(owner === null ? '' : `${owner.platform} (epoch ${owner.epoch})`),
    repository: always(plan.location),
    schedules: always(`${plan.schedules.length} (${paused} paused)`),
    ...(schedules === null
      ? {}
      : { schedules_made: always(schedules.created.length + schedules.changed.length) }),
    workbooks: some(plan.workbooks.join(', '), plan.workbooks.length === 0),
  };
}

/** Where each instance's worker will connect to: the registry is not signed, so a person has to look at it. */
export function instanceColumns({
  survey,
}: RecoveryPlan): readonly Column<RecoveryPlan['instances'][number]>[] {
  return [
    { header: 'Instance', value: ({ name }) => name },
    { header: 'URL', value: ({ url }) => url },
    { header: 'Password', value: ({ password }) => passwordOf(password) },
    { header: 'Backups', value: ({ id }) => backupsOf(survey, id) },
  ];
}

function passwordOf(password: RecoveryPlan['instances'][number]['password']): string | null {
  if (password === null) return null;
  return 'file' in password ? password.file : `$${password.env}`;
}

export const scheduleColumns: readonly Column<RecoveryPlan['schedules'][number]>[] = [
  { header: 'ID', value: ({ id }) => id },
  { header: 'Name', value: ({ name }) => name },
  { header: 'Instance', value: ({ instance }) => instance },
  { header: 'Pattern', value: ({ pattern }) => pattern },
  { header: 'Timezone', value: ({ timezone }) => timezone },
  { header: 'Keep Last', value: ({ keepLast }) => keepLast },
  { header: 'Paused', value: ({ paused }) => paused },
  { header: 'Note', value: ({ note }) => note },
];

export const secretColumns: readonly Column<RecoveryPlan['secrets'][number]>[] = [
  { header: 'Instance', value: ({ instance }) => instance },
  { header: 'Secret', value: ({ secret }) => secret },
  { header: 'Shown To', value: ({ url }) => url },
  { header: 'Allow It By', value: ({ command }) => command },
  { header: 'Note', value: ({ note }) => note },
];
