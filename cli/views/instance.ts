import type { Instance, InstanceCoverage, SecretReference } from '../../client/types.ts';
import { formatHooks } from '../hooks.ts';
import { formatMaxAge } from '../max-age.ts';
import type { Column, Property } from '../output/output.ts';
import { formatSize } from '../output/size.ts';
import { visible } from '../output/visible.ts';

/** Where a password is, never what it is. */
function reference(password: SecretReference | null): string | null {
  if (password === null) return null;
  return 'file' in password ? `file ${password.file}` : `environment ${password.env}`;
}

export const instanceColumns: readonly Column<Instance>[] = [
  { header: 'ID', value: ({ id }) => id },
  { header: 'Name', value: ({ name }) => name },
  { header: 'Datastore', value: ({ datastore }) => datastore },
  { header: 'URL', value: ({ url }) => url },
  { header: 'Task Queue', value: ({ taskQueue }) => taskQueue, long: true },
  { header: 'Password', value: ({ password }) => reference(password), long: true },
  { header: 'Updated', value: ({ updatedAt }) => updatedAt, long: true },
];

export function instanceProperties(instance: Instance): Record<string, Property> {
  const always = (value: unknown): Property => ({ value, show: 'always' });
  const { probe } = instance;
  const probed: Record<string, Property> = probe
    ? {
        databases: always(probe.databases.join(', ')),
        size: always(probe.size === null ? null : formatSize(probe.size)),
        version: always(probe.version),
      }
    : {};
  return {
    created_at: always(instance.createdAt),
    datastore: always(instance.datastore),
    id: always(instance.id),
    max_age: {
      value: formatMaxAge(instance.maxAge),
      show: 'set',
      isDefault: instance.maxAge === null,
    },
    hooks: { value: formatHooks(instance.hooks), show: 'set', isDefault: instance.hooks.length === 0 },
    name: always(instance.name),
    password: always(reference(instance.password)),
    task_queue: { value: instance.taskQueue, show: 'set', isDefault: instance.taskQueue === null },
    updated_at: always(instance.updatedAt),
    url: always(instance.url),
    ...probed,
  };
}

/** What a backup contains and what not, in lines for people. */
export function coverageText({ schedule, contains, lacks }: InstanceCoverage): string {
  const listed = (lines: readonly string[]) => lines.map((line) => `  - ${visible(line)}`);
  const of = schedule === null ? 'A backup of it' : `A backup of it by the schedule ${visible(schedule)}`;
  return ['', `${of} contains`, ...listed(contains), 'and does not contain', ...listed(lacks)].join('\n');
}
