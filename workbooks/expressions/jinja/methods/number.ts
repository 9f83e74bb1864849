import { type Float, isFloat, toDouble } from '../../python/float.ts';
import { Callable, type Item } from '../object.ts';

/** The few attributes of a number that an expression can use. */
export function numberAttribute(number: number | bigint | Float, name: string): Item | undefined {
  const magnitude = () =>
    BigInt(number as number | bigint)
      .toString(2)
      .replace('-', '');
  switch (name) {
    case 'real':
      return number;
    case 'conjugate':
      return method(name, () => number);
    case 'imag':
      return isFloat(number) ? undefined : 0;
    case 'numerator':
      return isFloat(number) ? undefined : number;
    case 'denominator':
      return isFloat(number) ? undefined : 1;
    case 'bit_length':
      return isFloat(number) ? undefined : method(name, () => (isZero(number) ? 0 : magnitude().length));
    case 'bit_count':
      return isFloat(number) ? undefined : method(name, () => magnitude().replaceAll('0', '').length);
    case 'is_integer':
      return isFloat(number) ? method(name, () => Number.isInteger(toDouble(number))) : undefined;
    default:
      return undefined;
  }
}

function method(name: string, run: () => Item): Callable {
  return new Callable(name, run);
}

function isZero(number: number | bigint | Float): boolean {
  return toDouble(number) === 0;
}
