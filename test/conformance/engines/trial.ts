import { expect, test } from 'vitest';
import type { RestoreRequest } from '../../../engines/engine.ts';
import { engineNamed } from '../../../engines/registry.ts';
import { BackupctlError } from '../../../errors/backupctl-error.ts';
import { whyNoLoop } from '../../servers/small-disk.ts';
import { until } from '../../servers/wait.ts';
import type { OwnChildren } from './own-children.ts';
import type { Case, Contents, Destination, EngineSubject, Place, RunningSubject, Walk } from './subject.ts';
import { cases } from './subject.ts';
import { differences } from './walks.ts';
import { type Backup, Workshop } from './workshop.ts';

/** A source and a backup of it. */
export interface BackedUp {
  place: Place;
  walk: Walk;
  backup: Backup;
}

/** One engine on trial: its servers, a repository, and what has come out so far. */
export class Trial {
  readonly subject: EngineSubject;
  /** By case: `shown`, or why not. */
  readonly outcomes = new Map<Case, string>();
  readonly #made = new Map<Contents, Promise<BackedUp>>();
  #running: RunningSubject | undefined;
  #workshop: Workshop | undefined;

  constructor(subject: EngineSubject) {
    this.subject = subject;
  }

  async start(): Promise<void> {
    this.#workshop = await Workshop.open(await engineNamed(this.subject.engine));
    this.#running = await this.subject.start();
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    await this.#workshop?.[Symbol.asyncDispose]();
  }

  get running(): RunningSubject {
    if (this.#running === undefined) throw new Error('nothing has been started');
    return this.#running;
  }

  get workshop(): Workshop {
    if (this.#workshop === undefined) throw new Error('nothing has been started');
    return this.#workshop;
  }

  /** Adds a case of the table to the file that runs: as a test, or left out with its reason. What it returns is printed. */
  case(name: Case, words: string, body: () => Promise<unknown>): void {
    const never = this.subject.without[name];
    if (never !== undefined) {
      this.outcomes.set(name, `means nothing here: ${never}`);
      test.skip(`${words} (${never})`, () => {});
      return;
    }
    test(words, async (context) => {
      const prevented =
        this.running.prevented[name] ?? (name === 'fullDisk' ? (whyNoLoop() ?? undefined) : undefined);
      if (prevented !== undefined) {
        this.outcomes.set(name, `not shown on this machine: ${prevented}`);
        context.skip(prevented);
      }
      this.outcomes.set(name, 'FAILED');
      const more = await body();
      this.outcomes.set(name, more === undefined ? 'shown' : `shown: ${more}`);
    });
  }

  /** Cases that were neither run nor left out for a reason, as where a file is run in part. */
  get notRun(): Case[] {
    return (Object.keys(cases) as Case[]).filter((name) => !this.outcomes.has(name));
  }

  /** A source of that kind with a backup of it, made once for all the cases that leave it as it is. */
  backedUp(kind: Contents): Promise<BackedUp> {
    const found = this.#made.get(kind) ?? this.freshlyBackedUp(kind);
    this.#made.set(kind, found);
    return found;
  }

  /** One that a case may change; it drops the place itself. */
  async freshlyBackedUp(kind: Contents): Promise<BackedUp> {
    const place = await this.running.make(kind);
    const backup = await this.workshop.backup(place.target);
    return { place, walk: await this.running.walk(place), backup };
  }

  /** Restores into a place that is new, calls back, and takes it away; nothing may be left besides. */
  async restoredAnew(
    { backup, place: from }: { backup: Backup; place: Place },
    check: (restored: Place, to: Destination) => Promise<void>,
    request: Partial<RestoreRequest> = {},
  ): Promise<void> {
    const to = await this.running.destination(from);
    try {
      expect((await this.workshop.plan(backup, to, request)).steps).toMatchObject([{ action: 'create' }]);
      expect(await this.workshop.restore(backup, to, request)).toMatchObject([
        { status: 'restored', kept_as: null },
      ]);
      await check(to.place, to);
    } finally {
      await this.running.drop(to.place);
    }
    expect(await this.running.leftovers()).toEqual([]);
  }

  async comesBack(kind: Contents): Promise<void> {
    const backedUp = await this.backedUp(kind);
    await this.restoredAnew(backedUp, async (restored) => {
      expect(differences(backedUp.walk, await this.running.walk(restored))).toEqual([]);
    });
  }

  /** The error, which is one that somebody can act on, and says no secret. */
  async refusal(what: Promise<unknown>): Promise<BackupctlError> {
    const error = await what.then(
      () => new Error('it was not refused'),
      (cause: unknown) => cause,
    );
    if (!(error instanceof BackupctlError)) throw error;
    this.assertNoSecret(`${error.stack} ${JSON.stringify(error)}`);
    return error;
  }

  assertNoSecret(text: string): void {
    if (this.running.secrets.some((secret) => text.includes(secret)))
      throw new Error('a secret is to be seen');
  }

  /** Neither programs nor sessions nor half-filled things, and no object that no backup has. */
  async assertNothingIsLeft(children: OwnChildren): Promise<void> {
    const left = async () => [
      ...(await children.running()).map(({ name }) => name),
      ...(await this.running.leftovers()),
    ];
    await until(async () => (await left()).length === 0, {
      what: 'the last program and session to end',
      timeout: 30_000,
    }).catch(async () => expect(await left()).toEqual([]));
    expect(await this.workshop.stray()).toEqual([]);
  }
}
