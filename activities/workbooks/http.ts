import type { LookupAddress } from 'node:dns';
import { readFile } from 'node:fs/promises';
import type { Agent, Dispatcher } from 'undici';
import type { WorkbooksConfig } from '../../config/workbooks.ts';
import { messageOf } from '../../errors/backupctl-error.ts';
import type { Outcome } from '../../workbooks/actions/action.ts';
import type { ActionExecutionIds } from '../../workbooks/actions/action-run.ts';
import { type Dictionary, put, type Value } from '../../workbooks/expressions/value.ts';
import { CookieJar } from './cookies.ts';
import { ActionFailure } from './failure.ts';
import { guardedAgent } from './http-connect.ts';
import { contentOf, encodingOf, readBody } from './http-content.ts';
import { type HttpRequest, httpRequest } from './http-request.ts';
import type { ActionSecrets } from './secrets.ts';

export interface HttpSurroundings {
  config: WorkbooksConfig['http'];
  secrets: ActionSecrets;
  signal: AbortSignal;
  /** @throws BackupctlError refused */
  checkFileAllowed(path: string): Promise<void>;
  /** Of the system, but in tests. */
  resolve?: (host: string) => Promise<LookupAddress[]>;
}

const mostRedirects = 30;

/** What is for one origin alone. */
const forOrigin = /^(authorization|proxy-authorization|cookie)$/i;

/** Of `std.mistral_http`: how who is asked finds its way back. */
export function callbackHeaders(ids: ActionExecutionIds): Record<string, string> {
  const headers = {
    'Mistral-Workflow-Name': ids.workflow_name,
    'Mistral-Workflow-Execution-Id': ids.workflow_execution_id,
    'Mistral-Task-Id': ids.task_execution_id,
    'Mistral-Action-Execution-Id': ids.action_execution_id,
    'Mistral-Callback-URL': `/v2/action_executions/${ids.action_execution_id}`,
  };
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [[name, headerText(value)]])),
  );
}

/** Names of workflows may have any letter; headers may not. */
function headerText(text: string): string {
  return /^[\t\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text.toWellFormed());
}

/**
 * Sends a request, and follows redirects where that is asked for, each of which is checked like the first.
 * @returns the answer, as an error where its status is none of 200 to 306
 * @throws ActionFailure where there is none
 */
export async function runHttp(
  input: Dictionary,
  surroundings: HttpSurroundings,
  added: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { config, secrets } = surroundings;
  let request = await httpRequest(input, secrets, added);
  const withSecrets = new Set(
    Object.entries((input.headers as Dictionary | null | undefined) ?? {}).flatMap(([name, value]) =>
      secrets.names(value) ? [name.toLowerCase()] : [],
    ),
  );
  const limit = AbortSignal.timeout(Math.min(config.limit * 1000, 2 ** 31 - 1));
  const signal = AbortSignal.any([surroundings.signal, limit]);
  const history: Value[] = [];
  let jar = new CookieJar();
  try {
    for (;;) {
      const answer = await exchange(request, jar, { ...surroundings, signal });
      const to = request.followsRedirects ? redirectOf(answer, request.url) : null;
      if (to === null) return outcomeOf(answer, request.url, history);
      if (history.length >= mostRedirects) {
        throw new ActionFailure(`Failed to send HTTP request: Exceeded ${mostRedirects} redirects.`);
      }
      history.push({ status: answer.status, url: request.url.href });
      if (to.origin !== request.url.origin) jar = new CookieJar();
      request = redirected(request, answer.status, to, withSecrets);
    }
  } catch (error) {
    if (error instanceof ActionFailure) throw error;
    surroundings.signal.throwIfAborted();
    if (limit.aborted) {
      throw new ActionFailure(`Failed to send HTTP request: it took longer than ${config.limit} s`);
    }
    throw new ActionFailure(`Failed to send HTTP request: ${whyOf(error)}`);
  }
}

interface Answer {
  status: number;
  reason: string;
  /** Names as they came. */
  headers: [string, string][];
  body: Buffer;
  cookies: [string, string][];
  /** Seconds until the headers were there. */
  elapsed: number;
}

async function exchange(
  request: HttpRequest,
  jar: CookieJar,
  surroundings: HttpSurroundings,
): Promise<Answer> {
  const { config, signal, resolve } = surroundings;
  const timeout = Math.min((request.timeout ?? config.timeout) * 1000, 2 ** 31 - 1);
  const agent = await guardedAgent(request.url, {
    allow: config.allow,
    timeout,
    verify: await certificates(request, surroundings),
    signal,
    ...(resolve === undefined ? {} : { resolve }),
  });
  try {
    const begun = performance.now();
    const response = await send(agent, request, jar, timeout, signal);
    const elapsed = Math.round(performance.now() - begun) / 1000;
    const headers = headersOf(response);
    const declared = Number(headerOf(headers, 'content-length') ?? 0);
    if (declared > config.maxSize) {
      throw new ActionFailure(
        `HTTP response is too large (Content-Length=${declared}, limit=${config.maxSize} bytes).`,
      );
    }
    const body = await readBody(response.body, headerOf(headers, 'content-encoding') ?? '', config.maxSize);
    const own = new CookieJar();
    for (const [name, value] of headers) {
      if (name.toLowerCase() !== 'set-cookie') continue;
      own.set(value, request.url.hostname);
      jar.set(value, request.url.hostname);
    }
    return {
      status: response.statusCode,
      reason: response.statusText,
      headers,
      body,
      cookies: own.entries,
      elapsed,
    };
  } finally {
    await agent.destroy();
  }
}

async function send(
  agent: Agent,
  { url, method, headers, body }: HttpRequest,
  jar: CookieJar,
  timeout: number,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const given = headers.find(([name]) => name.toLowerCase() === 'cookie')?.[1] ?? null;
  const cookie = jar.header(given);
  const sent = headers.filter(([name]) => name.toLowerCase() !== 'cookie');
  if (cookie !== null) sent.push(['Cookie', cookie]);
  return agent.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: method as Dispatcher.HttpMethod,
    headers: sent.flat(),
    body,
    signal,
    headersTimeout: timeout,
    bodyTimeout: timeout,
    responseHeaders: 'raw',
  });
}

async function certificates(
  request: HttpRequest,
  { checkFileAllowed }: HttpSurroundings,
): Promise<boolean | string> {
  if (typeof request.verify !== 'string' || request.url.protocol !== 'https:')
    return request.verify !== false;
  try {
    await checkFileAllowed(request.verify);
    return await readFile(request.verify, 'utf8');
  } catch (error) {
    throw new ActionFailure(`Failed to send HTTP request: verify: ${messageOf(error)}`);
  }
}

/** Raw headers are a flat list of names and values, though their type says otherwise. */
function headersOf({ headers }: Dispatcher.ResponseData): [string, string][] {
  const flat = headers as unknown as readonly (Buffer | string)[];
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2)
    pairs.push([text(flat[index]), text(flat[index + 1])]);
  return pairs;
}

function text(part: Buffer | string | undefined): string {
  return typeof part === 'string' ? part : (part?.toString('latin1') ?? '');
}

function headerOf(headers: readonly [string, string][], name: string): string | null {
  return headers.find(([known]) => known.toLowerCase() === name)?.[1] ?? null;
}

function redirectOf({ status, headers }: Answer, from: URL): URL | null {
  const location = headerOf(headers, 'location');
  if (location === null || ![301, 302, 303, 307, 308].includes(status)) return null;
  const bytes = Buffer.from(location, 'latin1').toString('utf8');
  if (!URL.canParse(bytes, from.href)) {
    throw new ActionFailure('Failed to send HTTP request: a redirect leads to what is no URL');
  }
  const to = new URL(bytes, from);
  if (to.protocol !== 'http:' && to.protocol !== 'https:') {
    throw new ActionFailure(
      `URL scheme '${to.protocol.slice(0, -1)}' is not allowed (only http and https are).`,
    );
  }
  if (to.hash === '') to.hash = from.hash;
  return to;
}

/** The request that a redirect asks for. What is for one origin does not go to another. */
function redirected(
  request: HttpRequest,
  status: number,
  to: URL,
  withSecrets: ReadonlySet<string>,
): HttpRequest {
  const elsewhere = to.origin !== request.url.origin;
  const { method } = request;
  const becomesGet =
    (status === 303 && method !== 'HEAD') ||
    (status === 302 && method !== 'HEAD') ||
    (status === 301 && method === 'POST');
  const keepsBody = (status === 307 || status === 308) && !becomesGet;
  if (elsewhere && keepsBody && request.secretBody && request.body !== null) {
    throw new ActionFailure(
      `Failed to send HTTP request: a redirect leads to ${to.host}, where the secrets of the body do not go`,
    );
  }
  const headers = request.headers.filter(([name]) => {
    if (elsewhere && (forOrigin.test(name) || withSecrets.has(name.toLowerCase()))) return false;
    return keepsBody || !/^(content-length|content-type|transfer-encoding)$/i.test(name);
  });
  to.username = '';
  to.password = '';
  return {
    ...request,
    url: to,
    method: becomesGet ? 'GET' : method,
    headers,
    body: keepsBody ? request.body : null,
  };
}

function outcomeOf(answer: Answer, url: URL, history: Value[]): Outcome {
  const headers: { [key: string]: Value } = {};
  const names = new Map<string, string>();
  for (const [name, value] of answer.headers) {
    const known = names.get(name.toLowerCase()) ?? name;
    names.set(name.toLowerCase(), known);
    put(headers, known, Object.hasOwn(headers, known) ? `${headers[known]}, ${value}` : value);
  }
  const encoding = encodingOf(headerOf(answer.headers, 'content-type'));
  const cookies: { [key: string]: Value } = {};
  for (const [name, value] of answer.cookies) put(cookies, name, value);
  const value: Dictionary = {
    content: contentOf(answer.body, encoding),
    status: answer.status,
    headers,
    url: url.href,
    history,
    encoding,
    reason: answer.reason,
    cookies,
    elapsed: answer.elapsed,
  };
  return answer.status >= 200 && answer.status < 307 ? { result: value } : { error: value };
}

/** In the words of the system or of the library, which name hosts and ports at most. */
function whyOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof AggregateError) return whyOf(cause.errors[0]);
  return messageOf(cause).slice(0, 300);
}
