import { YaqlError } from './fault.ts';

const second = 1_000_000n;
const day = 86_400n * second;
const mostDays = 999_999_999n;

/** A length of time, in microseconds, within the bounds of Python's `timedelta`. */
export class Timespan {
  readonly microseconds: bigint;

  /** @throws YaqlError beyond 999,999,999 days */
  constructor(microseconds: bigint) {
    if (microseconds < -mostDays * day || microseconds >= (mostDays + 1n) * day) {
      throw new YaqlError('a timespan is too long');
    }
    this.microseconds = microseconds;
  }

  /** As Python's `str` writes it: `1 day, 2:03:04.000005`. */
  text(): string {
    const days = floorDivide(this.microseconds, day);
    const rest = this.microseconds - days * day;
    const seconds = rest / second;
    const two = (value: bigint): string => String(value).padStart(2, '0');
    const time = `${seconds / 3600n}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}`;
    const fraction = rest % second === 0n ? '' : `.${String(rest % second).padStart(6, '0')}`;
    const plural = days === 1n || days === -1n ? '' : 's';
    return `${days === 0n ? '' : `${days} day${plural}, `}${time}${fraction}`;
  }

  /** As Python's `repr` writes it. */
  represent(): string {
    const days = floorDivide(this.microseconds, day);
    const rest = this.microseconds - days * day;
    const parts: string[] = [];
    if (days !== 0n) parts.push(`days=${days}`);
    if (rest / second !== 0n) parts.push(`seconds=${rest / second}`);
    if (rest % second !== 0n) parts.push(`microseconds=${rest % second}`);
    return `datetime.timedelta(${parts.join(', ') || '0'})`;
  }
}

export function floorDivide(left: bigint, right: bigint): bigint {
  const quotient = left / right;
  return left % right !== 0n && left < 0n !== right < 0n ? quotient - 1n : quotient;
}

/** The nearest integer, and of two the even one. */
export function roundHalfEven(value: number): bigint {
  if (!Number.isFinite(value)) throw new YaqlError('a length of time has to be finite');
  const below = Math.floor(value);
  const rest = value - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return BigInt(up ? below + 1 : below);
}
