import { pythonJson } from '../../workbooks/actions/python-json.ts';
import { isTrue, pythonText, typeName } from '../../workbooks/actions/python-value.ts';
import { repr } from '../../workbooks/expressions/python/repr.ts';
import { type Dictionary, isDictionary, own, type Value } from '../../workbooks/expressions/value.ts';
import { ActionFailure } from './failure.ts';
import type { ActionSecrets } from './secrets.ts';

/** A request as it is sent first; redirects make others of it. */
export interface HttpRequest {
  url: URL;
  method: string;
  /** In the order and the case in which they are sent. */
  headers: [name: string, value: string][];
  body: string | null;
  /** A secret is in the body: it goes to no other origin. */
  secretBody: boolean;
  followsRedirects: boolean;
  /** Seconds that the server may be silent; null for the configuration's. */
  timeout: number | null;
  /** False: any certificate is good enough. A text: the file of those that are believed. */
  verify: boolean | string;
}

/**
 * Makes a request of an action's input, the way Mistral and its HTTP library do.
 * @throws ActionFailure
 */
export async function httpRequest(
  input: Dictionary,
  secrets: ActionSecrets,
  added: Readonly<Record<string, string>>,
): Promise<HttpRequest> {
  const given = (name: string): Value => own(input, name) ?? null;
  if (isTrue(given('proxies'))) {
    throw new ActionFailure('proxies cannot be used: what a request is connected to is checked here');
  }
  const url = await targetOf(given('url'), secrets);
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const openly = { host: url.hostname, port, credentials: false };
  const credentials = { ...openly, credentials: true };
  addParameters(url, await secrets.fill(given('params'), openly));
  const headers = headersOf(await secrets.fill(given('headers'), credentials), added);
  const { text, type } = bodyOf(
    await secrets.fill(given('body'), openly),
    await secrets.fill(given('json'), openly),
  );
  if (type !== null && !has(headers, 'content-type')) headers.push(['Content-Type', type]);
  const cookies = cookieHeader(await secrets.fill(given('cookies'), credentials));
  if (cookies !== null && !has(headers, 'cookie')) headers.push(['Cookie', cookies]);
  const authorization = authorizationOf(await secrets.fill(given('auth'), credentials), url);
  if (authorization !== null) {
    if (secrets.names(given('auth'))) secrets.hide(authorization.split(' ')[1] ?? '');
    setHeader(headers, 'Authorization', authorization);
  }
  url.username = '';
  url.password = '';
  for (const [name, value] of [
    ['User-Agent', 'backupctl'],
    ['Accept-Encoding', 'gzip, deflate, br'],
    ['Accept', '*/*'],
  ] as const) {
    if (!has(headers, name)) headers.push([name, value]);
  }
  return {
    url,
    method: methodOf(given('method')),
    headers,
    body: text,
    secretBody: secrets.names(given('body')) || secrets.names(given('json')),
    followsRedirects: isTrue(given('allow_redirects')),
    timeout: timeoutOf(given('timeout')),
    verify: verifyOf(given('verify')),
  };
}

async function targetOf(given: Value, secrets: ActionSecrets): Promise<URL> {
  if (typeof given !== 'string') throw new ActionFailure(`the URL is not a text but '${typeName(given)}'`);
  // A URL that is a secret as a whole says by itself where it goes.
  const whole = /^\$\{secret:[^}]*\}$/.test(given);
  const literal = URL.canParse(given) ? new URL(given) : null;
  const port = Number(literal?.port || (literal?.protocol === 'https:' ? 443 : 80));
  const filled = await secrets.fill(given, { host: literal?.hostname ?? null, port, credentials: whole });
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(filled.trim())?.[1]?.toLowerCase() ?? '';
  if (scheme !== 'http' && scheme !== 'https') {
    throw new ActionFailure(`URL scheme '${scheme}' is not allowed (only http and https are).`);
  }
  if (!URL.canParse(filled)) throw new ActionFailure('Failed to send HTTP request: the URL cannot be read');
  const url = new URL(filled);
  // A secret before the `@`, with a slash in it, must not make a host of what stands before it.
  if (filled !== given && !whole && url.host !== literal?.host) {
    throw new ActionFailure('Failed to send HTTP request: a secret in the URL changes its host');
  }
  return url;
}

function methodOf(given: Value): string {
  const method = given === null ? 'GET' : pythonText(given).toUpperCase();
  if (/^[!#$%&'*+.^_`|~0-9A-Z-]{1,64}$/.test(method) && method !== 'CONNECT') return method;
  throw new ActionFailure('Failed to send HTTP request: the method cannot be sent');
}

function timeoutOf(given: Value): number | null {
  if (given === null) return null;
  if (typeof given === 'number' && given > 0) return given;
  throw new ActionFailure(
    `Failed to send HTTP request: the timeout must be a number of seconds above 0, not ${repr(given).slice(0, 80)}`,
  );
}

function verifyOf(given: Value): boolean | string {
  if (given === null || typeof given === 'boolean' || typeof given === 'string') return given ?? true;
  throw new ActionFailure(`Failed to send HTTP request: verify cannot be '${typeName(given)}'`);
}

/** Pairs of a dictionary or of a list of pairs, each with a text or with several. */
function pairsOf(given: Value, what: string): [string, string][] {
  const entries: [Value, Value][] = isDictionary(given)
    ? Object.entries(given)
    : (given as readonly Value[]).map((pair): [Value, Value] => {
        if (!Array.isArray(pair) || pair.length !== 2) {
          throw new ActionFailure(`Failed to send HTTP request: ${what} is a list, but not one of pairs`);
        }
        return [pair[0] as Value, pair[1] as Value];
      });
  return entries.flatMap(([key, value]) => {
    const several = Array.isArray(value)
      ? (value as readonly Value[])
      : isDictionary(value)
        ? Object.keys(value)
        : [value];
    return several.flatMap((each): [string, string][] =>
      each === null ? [] : [[pythonText(key), pythonText(each)]],
    );
  });
}

/** As Python's `urlencode`: all but letters, digits and `_.-~` is escaped, a blank is a plus. */
function urlEncoded(pairs: readonly [string, string][]): string {
  const quoted = (text: string) =>
    encodeURIComponent(text.toWellFormed())
      .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%20', '+');
  return pairs.map(([key, value]) => `${quoted(key)}=${quoted(value)}`).join('&');
}

function addParameters(url: URL, given: Value): void {
  if (!isTrue(given)) return;
  const text =
    typeof given === 'object' && given !== null ? urlEncoded(pairsOf(given, 'params')) : pythonText(given);
  if (text === '') return;
  url.search = url.search === '' ? text : `${url.search}&${text}`;
}

function headersOf(given: Value, added: Readonly<Record<string, string>>): [string, string][] {
  const headers: [string, string][] = [];
  if (isTrue(given) && !isDictionary(given)) {
    throw new ActionFailure(
      `Failed to send HTTP request: headers are '${typeName(given)}', not a dictionary`,
    );
  }
  const all = { ...((given as Dictionary | null) ?? {}), ...added };
  for (const [name, value] of Object.entries(all)) {
    if (value === null) continue;
    if (typeof value === 'object') {
      throw new ActionFailure(
        `Failed to send HTTP request: header ${name} is '${typeName(value)}', not a text`,
      );
    }
    const text = pythonText(value);
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) {
      throw new ActionFailure(`Failed to send HTTP request: header ${JSON.stringify(name)} cannot be sent`);
    }
    if (
      /^(host|connection|transfer-encoding|content-length|upgrade|expect|keep-alive|te|trailer)$/i.test(name)
    ) {
      if (/^(content-length|connection|keep-alive)$/i.test(name)) continue;
      throw new ActionFailure(`Failed to send HTTP request: header ${name} cannot be set`);
    }
    setHeader(headers, name, text.trim());
  }
  return headers;
}

function bodyOf(body: Value, json: Value): { text: string | null; type: string | null } {
  if (isDictionary(body)) return { text: pythonJson(body), type: null };
  if (typeof body === 'string' && body !== '') return { text: body, type: null };
  if (Array.isArray(body) && body.length > 0) {
    return { text: urlEncoded(pairsOf(body, 'body')), type: 'application/x-www-form-urlencoded' };
  }
  if (isTrue(body))
    throw new ActionFailure(`Failed to send HTTP request: the body cannot be '${typeName(body)}'`);
  return json === null ? { text: null, type: null } : { text: pythonJson(json), type: 'application/json' };
}

function cookieHeader(given: Value): string | null {
  if (!isTrue(given)) return null;
  if (!isDictionary(given))
    throw new ActionFailure(`Failed to send HTTP request: cookies are '${typeName(given)}'`);
  const pairs = Object.entries(given).map(
    ([name, value]) => `${name}=${value === null ? '' : pythonText(value)}`,
  );
  const text = pairs.join('; ');
  if (!/^[\x20-\x7e\x80-\xff]*$/.test(text)) {
    throw new ActionFailure('Failed to send HTTP request: the cookies cannot be sent');
  }
  return text;
}

/** Basic, of `user:password`, or of the URL's own. */
function authorizationOf(given: Value, url: URL): string | null {
  let login: string;
  if (typeof given === 'string' && given !== '') {
    if (given.split(':').length !== 2) {
      throw new ActionFailure('Failed to send HTTP request: auth is not USER:PASSWORD');
    }
    login = given;
  } else if (url.username !== '' || url.password !== '') {
    login = `${unescaped(url.username)}:${unescaped(url.password)}`;
  } else {
    return null;
  }
  const bytes = /[\u0100-\uffff]/.test(login) ? Buffer.from(login, 'utf8') : Buffer.from(login, 'latin1');
  return `Basic ${bytes.toString('base64')}`;
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function has(headers: readonly [string, string][], name: string): boolean {
  return headers.some(([known]) => known.toLowerCase() === name.toLowerCase());
}

/** The last of a name counts, whatever its case. */
function setHeader(headers: [string, string][], name: string, value: string): void {
  const index = headers.findIndex(([known]) => known.toLowerCase() === name.toLowerCase());
  if (index < 0) headers.push([name, value]);
  else headers[index] = [name, value];
}
