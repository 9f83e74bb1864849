import type { BadInput, Scene } from './case.ts';

const nobody = '00000000-0000-4000-8000-000000000000';
const usage = 2;
const notFound = 3;

const on = (
  title: string,
  code: number,
  args: (scene: Scene) => string[],
  ...says: (string | RegExp)[]
): BadInput => ({ title, code, args, says });

const pattern = (title: string, text: string, ...says: (string | RegExp)[]): BadInput =>
  on(`a pattern ${title}`, usage, () => ['schedule-create', 'orders', text, 'x'], ...says);
const zone = (title: string, text: string): BadInput =>
  on(
    `a zone ${title}`,
    usage,
    () => ['schedule-create', 'orders', '* * * * *', 'x', '--timezone', text],
    text.trim(),
  );
const create = (
  title: string,
  code: number,
  url: (scene: Scene) => string,
  ...says: (string | RegExp)[]
): BadInput =>
  on(
    title,
    code,
    (scene) => ['instance-create', 'new', '--url', url(scene), '--password-file', scene.passwordFile],
    ...says,
  );
const unknown = (...args: string[]): BadInput =>
  on(`${args[0]} of what does not exist`, notFound, () => args, nobody);

/** What is wrong with the things that are named: unknown, ambiguous, not theirs, not allowed. */
export const wrongThings: BadInput[] = [
  pattern('of four fields', '* * * *', /five|5/),
  pattern('of six fields', '0 0 2 * * *', /five|5/),
  pattern('that is blank', ' ', /pattern|field/),
  pattern('with a minute of 60', '60 * * * *', 'minute'),
  pattern('with an hour of 24', '0 24 * * *', 'hour'),
  pattern('with a day of 0', '0 0 0 * *', 'day'),
  pattern('with a day of 32', '0 0 32 * *', 'day'),
  pattern('with a month of 13', '0 0 1 13 *', 'month'),
  pattern('with a weekday of 8', '0 0 * * 8', 'week'),
  pattern('with a step of 0', '*/0 * * * *', 'minute'),
  pattern('with a range backwards', '30-10 * * * *', 'minute'),
  pattern('in words', 'every day at noon please', /"|minute/),
  pattern('with a nickname', '@weekdays', /@/),
  pattern('with an L', '0 0 L * *', 'day'),
  pattern('with a hash', '0 0 * * 1#1', '#'),
  pattern('with a question mark', '0 0 ? * *', 'holds ?', 'write *'),
  pattern('with a zone inside', 'CRON_TZ=UTC 0 0 * * *', /zone|field/),
  pattern('with both day fields', '0 0 1 * 1', 'day'),
  pattern('that never fires', '0 0 31 2 *', 'never'),
  zone('that does not exist', 'Mars/Olympus_Mons'),
  zone('that is an offset', '+25:00'),
  zone('with a typing error', 'Europe/Pariss'),
  on(
    'a schedule of an unknown instance',
    notFound,
    () => ['schedule-create', 'nowhere', '* * * * *', 'x'],
    'nowhere',
  ),
  on('a schedule of part of a name', notFound, () => ['schedule-create', 'order', '* * * * *', 'x'], 'order'),
  on('a schedule of a name in capitals', notFound, () => ['schedule-list', 'ORDERS'], 'ORDERS'),
  on(
    'a schedule with a name of control characters',
    usage,
    () => ['schedule-create', 'orders', '* * * * *', 'a\nb'],
    'control characters',
  ),
  on(
    'increments of what has none',
    4,
    () => ['schedule-create', 'orders', '* * * * *', 'x', '--incremental'],
    /increment/,
  ),
  on(
    'an increment of what has none',
    4,
    () => ['backup-create', 'orders', 'x', '--incremental'],
    /increment/,
  ),
  unknown('schedule-show', nobody),
  unknown('schedule-update', nobody, '--name', 'x'),
  unknown('schedule-delete', nobody),
  unknown('schedule-pause', nobody),
  unknown('schedule-unpause', nobody),
  unknown('schedule-trigger', nobody),
  unknown('execution-list', nobody),
  unknown('execution-show', nobody),
  unknown('execution-cancel', nobody),
  unknown('execution-delete', nobody),
  unknown('execution-logs', nobody),
  unknown('instance-show', nobody),
  unknown('instance-update', nobody, '--name', 'x'),
  unknown('instance-delete', nobody),
  unknown('backup-show', nobody),
  unknown('backup-verify', nobody),
  unknown('backup-contents', nobody),
  unknown('backup-delete', nobody, '--yes'),
  unknown('backup-undelete', nobody),
  unknown('restore-show', nobody),
  unknown('restore-cancel', nobody),
  unknown('restore-finish', nobody),
  on('a schedule by a word', notFound, () => ['schedule-show', 'nightly'], 'nightly'),
  on('a schedule by an id with a quote', notFound, () => ['execution-list', "x' OR 'a' = 'a"], 'no schedule'),
  on('an instance by part of its name', notFound, () => ['instance-show', 'rder'], 'rder'),
  on('the latest backup of nobody', notFound, () => ['backup-show', 'nowhere@latest'], 'nowhere'),
  on(
    'an export of what does not exist',
    notFound,
    (scene) => ['backup-export', nobody, '--to-directory', scene.path('export')],
    nobody,
  ),
  on(
    'an export over an export',
    5,
    (scene) => ['backup-export', scene.backupId, '--to-directory', scene.path('exported')],
    /exist/,
  ),
  on(
    'a marker of another schedule',
    usage,
    (scene) => ['execution-list', scene.scheduleId, '--marker', scene.foreignExecutionId],
    'not one of schedule',
  ),
  on(
    'a marker that does not exist',
    notFound,
    (scene) => ['execution-list', scene.scheduleId, '--marker', nobody],
    nobody,
  ),
  on('a marker of backups that does not exist', notFound, () => ['backup-list', '--marker', nobody], nobody),
  on(
    'executions of an unknown instance',
    notFound,
    () => ['execution-list', '--instance', 'nowhere'],
    'nowhere',
  ),
  on('backups of an unknown instance', notFound, () => ['backup-list-instance', 'nowhere'], 'nowhere'),
  on('a deletion of an ambiguous name', 5, () => ['backup-delete', 'twice', '--yes'], 'twice'),
  on(
    'an undelete of what is not deleted',
    4,
    (scene) => ['backup-undelete', scene.backupId],
    'is not being deleted',
  ),
  on(
    'an undelete of a name that no deleted one has',
    notFound,
    () => ['backup-undelete', 'twice-not'],
    'twice-not',
  ),
  on('an undelete of the latest', usage, () => ['backup-undelete', 'orders@latest'], '--deleted'),
  on(
    'a second instance of the same name',
    5,
    (scene) => ['instance-create', 'orders', '--url', scene.url, '--password-file', scene.passwordFile],
    'orders',
  ),
  on('a deletion of an instance with schedules', 4, () => ['instance-delete', 'orders'], 'schedule-delete'),
  {
    ...create('a password in a URL', usage, () => 'postgres://me:s3cr3t@127.0.0.1/shop', '--password-file'),
    hides: 's3cr3t',
  },
  {
    ...create(
      'a password in the query of a URL',
      usage,
      () => 'postgres://me@127.0.0.1/shop?password=s3cr3t',
      'password',
    ),
    hides: 's3cr3t',
  },
  create('a URL of another kind', usage, () => 'oracle://me@127.0.0.1/shop', 'postgres://'),
  create('a URL that is none', usage, () => 'orders', 'URL'),
  create('a URL with a port that is none', usage, () => 'postgres://me@127.0.0.1:99999/shop', /URL|port/),
  create(
    'an instance that does not listen',
    6,
    (scene) => `postgres://me@127.0.0.1:${scene.closedPort}/shop`,
    '127.0.0.1',
  ),
  create(
    'a database that does not exist',
    notFound,
    (scene) => scene.url.replace('/shop', '/shops'),
    'shops',
  ),
  {
    ...on(
      'a wrong password',
      12,
      (scene) => ['instance-create', 'new', '--url', scene.url, '--password-file', scene.wrongPasswordFile],
      'password',
    ),
    hides: 's3cr3t',
  },
  on(
    'a password file that is not there',
    notFound,
    (scene) => ['instance-create', 'new', '--url', scene.url, '--password-file', scene.path('none')],
    'password file',
    'does not exist',
  ),
  on(
    'a password file that is a folder',
    usage,
    (scene) => ['instance-create', 'new', '--url', scene.url, '--password-file', scene.path()],
    'is not a file',
  ),
  on(
    'a password file below a file',
    notFound,
    (scene) => ['instance-create', 'new', '--url', scene.url, '--password-file', scene.path('a-file', 'x')],
    'password file',
  ),
  on(
    'a password in a variable that the worker lacks',
    11,
    (scene) => ['instance-create', 'new', '--url', scene.url, '--password-env', 'NO_SUCH_VARIABLE'],
    'NO_SUCH_VARIABLE',
  ),
  on(
    'a restore of what does not exist',
    notFound,
    () => ['restore-create', nobody, '--to', 'orders', '--overwrite'],
    nobody,
  ),
  on(
    'a restore to an unknown instance',
    notFound,
    (scene) => ['restore-create', scene.backupId, '--to', 'nowhere', '--overwrite'],
    'nowhere',
  ),
  on(
    'a restore of a part that is swapped in',
    usage,
    (scene) => ['restore-create', scene.backupId, '--to', 'orders', '--overwrite', '--include', 'public'],
    '--include',
    '--create-database',
  ),
  on(
    'a restore that is both new and over an old one',
    usage,
    (scene) => ['restore-create', scene.backupId, '--to', 'orders', '--overwrite', '--create-database', 'x'],
    '--create-database',
    '--overwrite',
  ),
];
