import { ExpressionError } from '../language.ts';
import { Thing } from './object.ts';

/** What is not there. Only whether it is defined may be asked; all else is an error, which says what is missing. */
export class Undefined extends Thing {
  override readonly type = 'StrictUndefined';
  readonly message: string;

  constructor(message: string) {
    super();
    this.message = message;
  }

  /** Within a list it can be shown, as in Python. */
  override represent(): string {
    return 'Undefined';
  }

  fail(): never {
    throw new ExpressionError(this.message);
  }
}
