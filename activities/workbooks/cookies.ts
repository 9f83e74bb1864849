/** What the answers of one host have set, for the next request to it. */
export class CookieJar {
  readonly #cookies = new Map<string, string>();

  /** @param header the value of one `Set-Cookie` */
  set(header: string, host: string): void {
    const [pair = '', ...attributes] = header.split(';').map((part) => part.trim());
    const split = pair.indexOf('=');
    if (split < 1) return;
    const name = pair.slice(0, split);
    let gone = false;
    for (const attribute of attributes) {
      const [key = '', value = ''] = attribute.split('=', 2);
      if (/^max-age$/i.test(key)) gone = Number(value) <= 0;
      if (/^expires$/i.test(key) && Date.parse(value) <= Date.now()) gone = true;
      const domain = value.toLowerCase().replace(/^\./, '');
      if (/^domain$/i.test(key) && domain !== host && !host.endsWith(`.${domain}`)) return;
    }
    if (gone) this.#cookies.delete(name);
    else this.#cookies.set(name, pair.slice(split + 1));
  }

  get entries(): [string, string][] {
    return [...this.#cookies];
  }

  /** A `Cookie` header with these over those that were given; null without any. */
  header(given: string | null): string | null {
    const all = new Map(
      (given ?? '').split(/;\s*/).flatMap((pair): [string, string][] => {
        const split = pair.indexOf('=');
        return split < 1 ? [] : [[pair.slice(0, split), pair.slice(split + 1)]];
      }),
    );
    for (const [name, value] of this.#cookies) all.set(name, value);
    return all.size === 0 ? null : [...all].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}
