import { type Dictionary, isDictionary, own, type Value } from '../expressions/value.ts';
import { readCommand } from './command.ts';
import type { Policies, Retry } from './definition.ts';

/** The policies of a task or of `task-defaults`. A policy that is 0 or false counts as not written, as in Mistral. */
export function readPolicies(raw: Dictionary): Policies {
  const waitBefore = amount(own(raw, 'wait-before'));
  const waitAfter = amount(own(raw, 'wait-after'));
  const timeout = amount(own(raw, 'timeout'));
  const concurrency = amount(own(raw, 'concurrency'));
  const pauseBefore = truth(own(raw, 'pause-before')) || undefined;
  const failOn = truth(own(raw, 'fail-on')) || undefined;
  const retry = readRetry(own(raw, 'retry'));
  return {
    ...(waitBefore && { waitBefore }),
    ...(waitAfter && { waitAfter }),
    ...(timeout && { timeout }),
    ...(pauseBefore && { pauseBefore }),
    ...(concurrency && { concurrency }),
    ...(failOn && { failOn }),
    ...(retry && { retry }),
  };
}

/** `retry` as a dictionary, whether it was written as one or in one line: `count=3 delay=5`. */
export function retryDictionary(raw: Value | undefined): Dictionary | undefined {
  if (typeof raw === 'string') return raw === '' ? undefined : readCommand(raw)?.parameters;
  return isDictionary(raw) ? raw : undefined;
}

function readRetry(raw: Value | undefined): Retry | undefined {
  const retry = retryDictionary(raw);
  if (!retry) return undefined;
  const breakOn = own(retry, 'break-on');
  const continueOn = own(retry, 'continue-on');
  return {
    count: amount(own(retry, 'count')) ?? 0,
    delay: amount(own(retry, 'delay')) ?? 0,
    ...(typeof breakOn === 'string' && { breakOn }),
    ...(typeof continueOn === 'string' && { continueOn }),
  };
}

function amount(value: Value | undefined): number | string | undefined {
  return typeof value === 'number' || typeof value === 'string' ? value : undefined;
}

/** True, false or an expression; undefined for everything else. */
export function truth(value: Value | undefined): boolean | string | undefined {
  return typeof value === 'boolean' || typeof value === 'string' ? value : undefined;
}
