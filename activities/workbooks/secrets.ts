import type { WorkbooksConfig } from '../../config/workbooks.ts';
import { BackupctlError } from '../../errors/backupctl-error.ts';
import type { SecretReference } from '../../repository/manifest.ts';
import { isDictionary, put, type Value } from '../../workbooks/expressions/value.ts';
import { isAllowed } from './addresses.ts';
import { ActionFailure } from './failure.ts';

/** Where a text of an action goes to. */
export interface Destination {
  /** What is told; null where nothing is told to anybody but by the text itself, as by a URL. */
  host: string | null;
  port: number;
  /** Somewhere that servers look for credentials, and do not repeat them. */
  credentials: boolean;
}

const reference = /\$\{secret:([A-Za-z_][A-Za-z0-9_-]{0,63})\}/g;

/** Shorter than this a text is left out of masking where it only follows from a secret. */
const shortest = 4;

/**
 * The secrets that the configuration hands to workbooks, for one run of an action: opened where the action names them, and
 * taken out of whatever it says.
 */
export class ActionSecrets {
  readonly #known: WorkbooksConfig['secrets'];
  readonly #open: (reference: SecretReference) => Promise<string>;
  readonly #values = new Map<string, string>();
  readonly #masked = new Set<string>();

  constructor(known: WorkbooksConfig['secrets'], open: (reference: SecretReference) => Promise<string>) {
    this.#known = known;
    this.#open = open;
  }

  /** Whether a text names a secret. */
  names(value: Value | undefined): boolean {
    if (typeof value === 'string') return value.search(reference) >= 0;
    if (Array.isArray(value)) return value.some((item: Value) => this.names(item));
    return isDictionary(value) && Object.values(value).some((item) => this.names(item as Value));
  }

  /**
   * The value with every `${secret:NAME}` in its texts replaced.
   * @throws ActionFailure for a secret that there is not, that is not for that destination, or that cannot be read; never
   *   with its value
   */
  async fill<V extends Value>(value: V, destination: Destination): Promise<V> {
    if (typeof value === 'string') return (await this.#fillText(value, destination)) as V;
    if (Array.isArray(value)) {
      const items: Value[] = [];
      for (const item of value as readonly Value[]) items.push(await this.fill(item, destination));
      return items as unknown as V;
    }
    if (!isDictionary(value)) return value;
    const filled: { [key: string]: Value } = {};
    for (const [key, item] of Object.entries(value))
      put(filled, key, await this.fill(item as Value, destination));
    return filled as V;
  }

  async #fillText(text: string, destination: Destination): Promise<string> {
    const names = new Set([...text.matchAll(reference)].map(([, name]) => name ?? ''));
    for (const name of names) await this.#use(name, destination);
    return names.size === 0
      ? text
      : text.replace(reference, (_, name: string) => this.#values.get(name) ?? '');
  }

  async #use(name: string, { host, port, credentials }: Destination): Promise<void> {
    const known = this.#known.get(name);
    if (known === undefined) {
      throw new ActionFailure(`the worker's configuration hands no secret ${name} to workbooks`);
    }
    if (known.to === null ? !credentials : host === null || !isAllowed(known.to, { host, port })) {
      throw new ActionFailure(
        known.to === null
          ? `secret ${name} is not for the body or the query of a request: give it \`to\` in the worker's configuration`
          : `secret ${name} is not for ${host ?? 'this'}: see \`to\` of it in the worker's configuration`,
      );
    }
    if (!this.#values.has(name)) this.#values.set(name, await this.#read(name, known.reference));
  }

  async #read(name: string, from: SecretReference): Promise<string> {
    try {
      const value = await this.#open(from);
      this.hide(value);
      return value;
    } catch (error) {
      if (!(error instanceof BackupctlError)) throw error;
      throw new ActionFailure(`secret ${name} cannot be read: ${error.message}`);
    }
  }

  /** Opens all there are, so that none of them is in what an action says that came by another way. */
  async learnAll(): Promise<void> {
    for (const { reference: from } of this.#known.values()) {
      const value = await this.#open(from).catch(() => null);
      if (value !== null) this.hide(value);
    }
  }

  /** Has a text masked from now on, also where it is encoded. */
  hide(text: string): void {
    if (text === '') return;
    this.#masked.add(text);
    const written = JSON.stringify(text).slice(1, -1);
    const forms = [
      written,
      encodeURIComponent(text.toWellFormed()),
      new URLSearchParams({ '': text }).toString().slice(1),
      Buffer.from(text).toString('base64'),
      Buffer.from(text).toString('base64url'),
    ];
    for (const form of forms) if (form.length >= shortest) this.#masked.add(form);
  }

  /** The value with `***` in the place of every secret, keys too. */
  mask<V extends Value>(value: V): V {
    // The longest first: one may be within another.
    const texts = [...this.#masked].sort((a, b) => b.length - a.length);
    return texts.length === 0 ? value : (masked(value, texts) as V);
  }
}

function masked(value: Value, texts: readonly string[]): Value {
  if (typeof value === 'string') return texts.reduce((text, secret) => text.replaceAll(secret, '***'), value);
  if (Array.isArray(value)) return value.map((item: Value) => masked(item, texts));
  if (!isDictionary(value)) return value;
  const result: { [key: string]: Value } = {};
  for (const [key, item] of Object.entries(value))
    put(result, masked(key, texts) as string, masked(item as Value, texts));
  return result;
}
