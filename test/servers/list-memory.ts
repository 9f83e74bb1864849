import type { HttpFault, ProxiedRequest } from './http-proxy.ts';

const MARK = 'second-page-';
const MOST_LISTS = 500;

/** What a proxy in front of an S3 server knows of its lists: the last answer to each, and second pages of its own making. */
export class ListMemory {
  readonly #last = new Map<string, Buffer>();
  readonly #second = new Map<string, Buffer>();
  readonly #failures: ('error' | 'cut' | 'reset')[] = [];

  remember(url: string, body: Buffer): void {
    if (!isList(url) || (this.#last.size >= MOST_LISTS && !this.#last.has(signless(url)))) return;
    this.#last.set(signless(url), Buffer.from(body));
  }

  last(url: string): Buffer | undefined {
    return this.#last.get(signless(url));
  }

  /** Cuts a list in two, whatever is in it: half of the objects, and the promise of more. */
  firstPage(url: string, body: Buffer): Buffer {
    const text = body.toString('utf8');
    if (!isList(url) || text.includes('<IsTruncated>true<')) return body;
    const objects = text.match(/<Contents>.*?<\/Contents>|<CommonPrefixes>.*?<\/CommonPrefixes>/gs) ?? [];
    if (objects.length < 2) return body;
    const token = `${MARK}${this.#second.size + 1}`;
    const without = (dropped: readonly string[]) =>
      dropped.reduce((rest, object) => rest.replace(object, ''), text);
    const half = objects.length >> 1;
    this.#second.set(token, Buffer.from(without(objects.slice(0, half))));
    return Buffer.from(
      without(objects.slice(half)).replace(
        /<IsTruncated>false<\/IsTruncated>/,
        `<IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`,
      ),
    );
  }

  /** Until what it returns is called, second pages fail. */
  failSecondPages(how: 'error' | 'cut' | 'reset'): () => void {
    this.#failures.push(how);
    return () => {
      const index = this.#failures.indexOf(how);
      if (index >= 0) this.#failures.splice(index, 1);
    };
  }

  healSecondPages(): void {
    this.#failures.length = 0;
  }

  /** What happens to a request for a second page: the server itself knows nothing of it. */
  faultOf(request: ProxiedRequest): HttpFault | undefined {
    const token = new RegExp(`continuation-token=(${MARK}[0-9]+)`).exec(request.url)?.[1];
    const body = token === undefined ? undefined : this.#second.get(token)?.toString('utf8');
    if (body === undefined) return undefined;
    const headers = { 'content-type': 'application/xml' };
    switch (this.#failures[0]) {
      case 'error':
        return { kind: 'answer', status: 500, body: '<Error><Code>InternalError</Code></Error>' };
      case 'reset':
        return { kind: 'reset' };
      case 'cut':
        return { kind: 'answer', status: 200, headers, body: body.slice(0, body.length >> 1) };
      default:
        return { kind: 'answer', status: 200, headers, body };
    }
  }
}

function isList(url: string): boolean {
  return /[?&]list-type=2/.test(url);
}

/** Without the SDK's own word for the operation, which may differ between two requests for the same. */
function signless(url: string): string {
  return url.replace(/[?&]x-id=[^&]*/, '');
}
