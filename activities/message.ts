import { hostname } from 'node:os';
import type { NotifyConfig } from '../config/notify.ts';
import { fillTemplate, type TemplateName } from '../config/template.ts';
import type { AlarmMessage } from '../workflows/types.ts';
import type { Rendered } from './channels/channel.ts';

/** Names that a subject lists; the rest is counted. */
const named = 3;

const nouns: Record<AlarmMessage['kind'], [one: string, many: string]> = {
  failure: ['failed', 'failures'],
  stale: ['has no good backup in time', 'instances without a good backup in time'],
  recovered: ['is well again', 'are well again'],
  low_space: ['is running out of room', 'repositories that run out of room'],
  copy_debt: ['lacks copies', 'copies with debts'],
  one_recipient: ['has one recipient only', 'repositories with one recipient only'],
};

const defaults = { subject: 'backupctl: {{subject}}', body: '{{lines}}\n\n{{platform}}, {{at}}\n' };

/** A message in words, by the templates of the configuration. */
export function render(message: AlarmMessage, templates: NotifyConfig['templates']): Rendered {
  const platform = hostname();
  const subject = subjectOf(message);
  const rest = message.count - message.subjects.length;
  const values: Record<TemplateName, string> = {
    subject,
    kind: message.kind,
    count: String(message.count),
    first: message.subjects[0] ?? '',
    names: `${message.subjects.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`,
    reason: message.alarms[0]?.reason ?? '',
    cause: message.cause,
    lines: linesOf(message),
    platform,
    at: message.at,
  };
  return {
    message,
    // A line feed would begin another header.
    subject: fillTemplate(templates.subject ?? defaults.subject, values)
      .replace(/\s+/g, ' ')
      .slice(0, 250),
    body: fillTemplate(templates.body ?? defaults.body, values),
    json: JSON.stringify({
      id: message.id,
      kind: message.kind,
      cause: message.cause,
      count: message.count,
      subject,
      subjects: message.subjects,
      alarms: message.alarms.map(({ subject: about, reason, executionId, at }) => ({
        subject: about,
        reason,
        execution_id: executionId,
        at,
      })),
      platform,
      at: message.at,
    }),
  };
}

function subjectOf({ kind, count, subjects }: AlarmMessage): string {
  const [one, many] = nouns[kind];
  if (count === 1) return `${subjects[0]} ${one}`;
  const rest = count - Math.min(named, subjects.length);
  const names = `${subjects.slice(0, named).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  return kind === 'recovered' ? `${names} ${many}` : `${count} ${many}: ${names}`;
}

function linesOf({ alarms, subjects, count }: AlarmMessage): string {
  const lines = alarms.map(({ subject, reason, executionId }) => {
    const execution = executionId === null ? '' : ` (execution ${executionId})`;
    return `${subject}: ${reason}${execution}`;
  });
  const rest = count - new Set(alarms.map(({ subject }) => subject)).size;
  if (rest > 0 && subjects.length > 0) lines.push(`and ${rest} more of the same cause`);
  return lines.join('\n');
}
