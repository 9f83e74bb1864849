import { daysIn } from './datetime.ts';
import { YaqlError } from './fault.ts';

type Role = 'year' | 'month' | 'day';

export interface Resolved {
  readonly year: number | undefined;
  readonly month: number | undefined;
  readonly day: number | undefined;
}

/** The numbers of a date in the order in which they were written, some of which are known for what they are. */
export class YearMonthDay {
  readonly #numbers: number[] = [];
  readonly #roles = new Map<Role, number>();
  readonly #thisYear: number;
  #hasCentury = false;

  constructor(thisYear: number) {
    this.#thisYear = thisYear;
  }

  get length(): number {
    return this.#numbers.length;
  }

  couldBeDay(value: number): boolean {
    if (this.#roles.has('day')) return false;
    const month = this.#of('month');
    return value >= 1 && value <= (month === undefined ? 31 : daysIn(this.#of('year') ?? 2000, month));
  }

  #of(role: Role): number | undefined {
    const index = this.#roles.get(role);
    return index === undefined ? undefined : this.#numbers[index];
  }

  /** Adds a number; one of more than two digits is a year. */
  add(digits: string, role?: Role): void {
    const value = Number(digits);
    if (!Number.isInteger(value)) throw new YaqlError('the text is no date');
    const isYear = role === 'year' || digits.length > 2;
    if (digits.length > 2) this.#hasCentury = true;
    const known = isYear ? 'year' : role;
    if (known !== undefined) {
      if (this.#roles.has(known) || (isYear && role !== undefined && role !== 'year')) {
        throw new YaqlError('the text is no date');
      }
      this.#roles.set(known, this.#numbers.length);
    }
    this.#numbers.push(value);
  }

  resolved(): Resolved {
    const { year, month, day } = this.#assigned();
    return { year: year === undefined ? undefined : this.#fullYear(year), month, day };
  }

  /** Two digits are of the fifty years before or after this one. */
  #fullYear(year: number): number {
    if (year >= 100 || this.#hasCentury) return year;
    const full = year + Math.floor(this.#thisYear / 100) * 100;
    if (full >= this.#thisYear + 50) return full - 100;
    return full < this.#thisYear - 50 ? full + 100 : full;
  }

  #assigned(): Resolved {
    const [first = 0, second = 0, third = 0] = this.#numbers;
    const month = this.#roles.get('month');
    const count = this.#numbers.length;
    if (count > 3) throw new YaqlError('the text is no date');
    if ((count > 0 && this.#roles.size === count) || (count === 3 && this.#roles.size === 2))
      return this.#byRoles();
    if (count === 0) return { year: undefined, month: undefined, day: undefined };
    if (count === 1 || (count === 2 && month !== undefined)) return this.#single(month);
    if (count === 2) {
      if (first > 31) return { year: first, month: second, day: undefined };
      if (second > 31) return { year: second, month: first, day: undefined };
      return { year: undefined, month: first, day: second };
    }
    if (month === 0) {
      return second > 31
        ? { month: first, year: second, day: third }
        : { month: first, day: second, year: third };
    }
    if (month === 1) {
      return first > 31
        ? { year: first, month: second, day: third }
        : { day: first, month: second, year: third };
    }
    if (month === 2) {
      return second > 31
        ? { day: first, year: second, month: third }
        : { year: first, day: second, month: third };
    }
    if (first > 31 || this.#roles.get('year') === 0) return { year: first, month: second, day: third };
    if (first > 12) return { day: first, month: second, year: third };
    return { month: first, day: second, year: third };
  }

  #byRoles(): Resolved {
    const roles = new Map(this.#roles);
    if (roles.size < this.#numbers.length) {
      const missing = (['year', 'month', 'day'] as const).find((role) => !roles.has(role));
      const index = [0, 1, 2].find((one) => ![...roles.values()].includes(one));
      if (missing !== undefined && index !== undefined) roles.set(missing, index);
    }
    const of = (role: Role): number | undefined => this.#numbers[roles.get(role) ?? -1];
    return { year: of('year'), month: of('month'), day: of('day') };
  }

  #single(month: number | undefined): Resolved {
    const other = this.#numbers[month === undefined ? 0 : 1 - month];
    const value = month === undefined ? undefined : this.#numbers[month];
    if (this.#numbers.length === 1 && month !== undefined)
      return { year: undefined, month: value, day: undefined };
    return other !== undefined && other > 31
      ? { year: other, month: value, day: undefined }
      : { year: undefined, month: value, day: other };
  }
}
