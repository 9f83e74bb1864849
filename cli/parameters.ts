import type { Parameters, Positional } from './command.ts';

/** What several commands take, described once. */
export const instance = { describe: "instance's name or id" } as const satisfies Positional;
export const schedule = {
  describe: "schedule's id, or its name where no other has it",
} as const satisfies Positional;
export const cronTrigger = { describe: "cron trigger's name or id" } as const satisfies Positional;
export const execution = { describe: "execution's id" } as const satisfies Positional;
export const backup = {
  describe: "backup's id or name (the newest of that name), or INSTANCE@latest",
} as const satisfies Positional;
export const restore = { describe: "restore's id" } as const satisfies Positional;
export const workbook = { describe: "workbook's name" } as const satisfies Positional;
export const workflow = { describe: "workflow's name: WORKBOOK.WORKFLOW" } as const satisfies Positional;
export const action = { describe: "action's name" } as const satisfies Positional;
export const workbookFile = {
  describe: 'a file of YAML: a workbook, or a list of workflows or of actions',
} as const satisfies Positional;

export const env = {
  env: {
    type: 'text',
    value: 'JSON',
    describe: 'an object to merge into the environment that expressions see as `env()`',
  },
} as const satisfies Parameters;

export const wait = {
  wait: {
    type: 'switch',
    describe: 'return at its end, with exit code 0 only for success; Ctrl-C leaves it going',
  },
} as const satisfies Parameters;

/** Paging: pages come newest first, and each is printed oldest first. */
export const paging = {
  limit: { type: 'integer', value: 'N', min: 1, describe: 'print the newest N at most' },
  marker: {
    type: 'text',
    value: 'ID',
    describe: "print those that are older than this one, the last page's first row",
  },
} as const satisfies Parameters;

export const logFormat = {
  logFormat: {
    type: 'choice',
    choices: ['text', 'json'],
    describe: 'what it says of itself on standard output: for people, or an object a line',
    default: 'text on a terminal, else json',
  },
} as const satisfies Parameters;

export const policies = {
  timezone: {
    type: 'text',
    value: 'ZONE',
    describe: 'IANA time zone in which the pattern is read, such as Europe/Paris',
    default: 'UTC',
  },
  overlap: {
    type: 'choice',
    choices: ['skip', 'wait', 'cancel-other'],
    describe: 'what a run does that meets another one of the same schedule',
    default: 'skip',
  },
  onBusy: {
    type: 'choice',
    choices: ['wait', 'skip'],
    describe: 'what a run does that meets another backup of the same instance',
    default: 'wait',
  },
  catchupWindow: {
    type: 'duration',
    value: 'TIME',
    min: 60,
    describe: 'how old a missed fire may be to be made up for',
    default: '1d',
  },
  jitter: {
    type: 'duration',
    value: 'TIME',
    min: 0,
    describe: 'start each run up to this much later',
    default: '0s',
  },
  keepLast: {
    type: 'integer',
    value: 'N',
    min: 1,
    max: 10_000,
    describe:
      'after each good run, delete older backups of this schedule than its newest N good ones; left out, all stay',
  },
} as const satisfies Parameters;

export const selection = {
  include: {
    type: 'texts',
    value: 'PATTERN',
    describe: 'take only this, such as SCHEMA or SCHEMA.TABLE; `*` and `?` stand for any letters',
  },
  exclude: {
    type: 'texts',
    value: 'PATTERN',
    describe: 'leave this out, such as SCHEMA.TABLE; what a pattern names is on the page of each engine',
  },
  schemaOnly: { type: 'switch', describe: 'leave the rows out' },
  dataOnly: { type: 'switch', describe: 'take the rows alone, for tables that exist already' },
  yieldToDdl: {
    type: 'duration',
    value: 'TIME',
    min: 1,
    alone: '60s',
    describe: 'end the dump when another session has waited for one of its locks for so long',
  },
} as const satisfies Parameters;
