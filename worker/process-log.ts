import type { Log } from '../engines/engine.ts';

/** `text` for people, `json` for programs: an object a line. */
export type LogFormat = 'text' | 'json';

export type LogLevel = 'info' | 'warn' | 'error';
type Fields = Record<string, unknown>;

/**
 * What `up` and `worker` say of themselves on standard output. As JSON each line is an object that begins with `time`
 * (ISO 8601, UTC), `level` and `message`; further keys are facts of that message. As text it is what an operator at a
 * terminal wants to read: no more than that. Secrets are in neither.
 */
export class ProcessLog {
  readonly format: LogFormat;
  readonly #write: (line: string) => void;

  constructor(format: LogFormat, write: (line: string) => void) {
    this.format = format;
    this.#write = write;
  }

  /** Something that goes as it should. */
  info(message: string, fields: Fields = {}): void {
    this.#write(this.format === 'json' ? this.line('info', message, fields) : message);
  }

  /** Something that somebody should know of. */
  warn(message: string, fields: Fields = {}): void {
    this.#write(this.line('warn', message, fields));
  }

  /** Text of several lines for people; for programs its facts. */
  begin(text: string, message: string, fields: Fields): void {
    this.#write(this.format === 'json' ? this.line('info', message, fields) : text);
  }

  /** What single executions do: all of it for programs; on a terminal only what went wrong, the rest has commands. */
  get events(): Log {
    const at =
      (level: LogLevel) =>
      (message: string, fields: Fields = {}) => {
        if (this.format === 'json' || level !== 'info') this.#write(this.line(level, message, fields));
      };
    return { info: at('info'), warn: at('warn'), error: at('error') };
  }

  /** A line with its time, in the format of this log. */
  line(level: LogLevel, message: string, fields: Fields = {}, time = new Date()): string {
    if (this.format === 'json') {
      return JSON.stringify({ time: time.toISOString(), level, message, ...fields });
    }
    const facts = Object.entries(fields)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
    const text = [time.toISOString(), message, ...facts].join(' ').replace(/\s*\n\s*/g, ' | ');
    // Words of a server or of a repository are among them: none of them moves the cursor of a terminal.
    return text.replace(/\p{Cc}/gu, (letter) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`);
  }
}

/** What `--log-format` says, else by where standard output goes. */
export function logFormatOf(given: string | undefined, isTerminal: boolean): LogFormat {
  if (given === 'text' || given === 'json') return given;
  return isTerminal ? 'text' : 'json';
}
