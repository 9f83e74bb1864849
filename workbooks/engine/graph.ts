import type { OnClause, TaskDefinition, Transition, WorkflowDefinition } from '../language/definition.ts';

type Clause = 'onSuccess' | 'onError' | 'onComplete' | 'onSkip';

/** How the tasks of a workflow follow each other, with the defaults of all tasks. */
export class Graph {
  readonly #definition: WorkflowDefinition;
  readonly #outbound = new Map<string, ReadonlySet<string>>();
  readonly #inbound = new Map<string, TaskDefinition[]>();
  readonly joins: ReadonlySet<string>;

  constructor(definition: WorkflowDefinition) {
    this.#definition = definition;
    for (const name of definition.tasks.keys()) this.#inbound.set(name, []);
    for (const task of definition.tasks.values()) {
      const names = new Set(
        (['onError', 'onSuccess', 'onComplete', 'onSkip'] as const).flatMap((clause) =>
          this.clause(task.name, clause).map(({ to }) => to),
        ),
      );
      this.#outbound.set(task.name, names);
      for (const name of names) this.#inbound.get(name)?.push(task);
    }
    this.joins = new Set([...definition.tasks.values()].flatMap(({ name, join }) => (join ? [name] : [])));
  }

  task(name: string): TaskDefinition | undefined {
    return this.#definition.tasks.get(name);
  }

  /** What follows by a clause: the task's own, or that of the defaults, without the task itself. */
  clause(name: string, clause: Clause): readonly Transition[] {
    const own = this.task(name)?.[clause]?.next ?? [];
    if (own.length > 0) return own;
    const general: OnClause | undefined = this.#definition.taskDefaults?.[clause];
    return (general?.next ?? []).filter(({ to }) => to !== name);
  }

  outbound(name: string): ReadonlySet<string> {
    return this.#outbound.get(name) ?? new Set();
  }

  inbound(name: string): readonly TaskDefinition[] {
    return this.#inbound.get(name) ?? [];
  }

  startTasks(): readonly TaskDefinition[] {
    return [...this.#definition.tasks.values()].filter(({ name }) => this.inbound(name).length === 0);
  }

  /** What a task of a reverse workflow needs, in the order written. */
  requires(task: TaskDefinition): readonly string[] {
    const names = new Set([...task.requires, ...(this.#definition.taskDefaults?.requires ?? [])]);
    names.delete(task.name);
    return [...names];
  }
}
