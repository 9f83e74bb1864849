import type { OnClause, TaskDefinition, Transition, WorkflowDefinition } from './definition.ts';

export interface WorkflowGraph {
  readonly name: string;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export interface GraphNode {
  readonly name: string;
  readonly kind: 'task' | 'command';
  /** What a task runs: an action's or workflow's name. */
  readonly runs?: string;
  /** Where a direct workflow begins. */
  readonly isStart: boolean;
  readonly join?: 'all' | 'one' | number;
  readonly iterates: boolean;
}

/** From a task to what comes after it: of a reverse workflow from what is required to what requires it. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly on: 'on-success' | 'on-error' | 'on-complete' | 'on-skip' | 'requires';
  readonly condition?: string;
}

/** The tasks and commands of a workflow, and what leads where; `task-defaults` are written out. */
export function graphOf(workflow: WorkflowDefinition): WorkflowGraph {
  const edges = [...workflow.tasks.values()].flatMap((task) =>
    workflow.type === 'reverse' ? requirements(task, workflow) : transitions(task, workflow),
  );
  const reached = new Set(edges.map(({ to }) => to));
  const tasks = [...workflow.tasks.values()].map((task): GraphNode => {
    const isStart = workflow.type === 'direct' && !reached.has(task.name);
    const join = task.join === undefined ? {} : { join: task.join };
    return {
      name: task.name,
      kind: 'task',
      runs: task.runs.name,
      isStart,
      ...join,
      iterates: task.withItems.size > 0,
    };
  });
  const commands = [...reached].filter((name) => !workflow.tasks.has(name));
  const nodes = commands.map(
    (name): GraphNode => ({ name, kind: 'command', isStart: false, iterates: false }),
  );
  return { name: workflow.name, nodes: [...tasks, ...nodes], edges };
}

function requirements(task: TaskDefinition, workflow: WorkflowDefinition): GraphEdge[] {
  const required = new Set([...task.requires, ...(workflow.taskDefaults?.requires ?? [])]);
  required.delete(task.name);
  return [...required].map((from) => ({ from, to: task.name, on: 'requires' }));
}

function transitions(task: TaskDefinition, { taskDefaults }: WorkflowDefinition): GraphEdge[] {
  const edges = (on: GraphEdge['on'], own: OnClause | undefined, usual: OnClause | undefined): GraphEdge[] =>
    nextOf(task.name, own, usual).map(({ to, condition }) => ({
      from: task.name,
      to,
      on,
      ...(condition !== '' && { condition }),
    }));
  return [
    ...edges('on-success', task.onSuccess, taskDefaults?.onSuccess),
    ...edges('on-error', task.onError, taskDefaults?.onError),
    ...edges('on-complete', task.onComplete, taskDefaults?.onComplete),
    ...edges('on-skip', task.onSkip, taskDefaults?.onSkip),
  ];
}

function nextOf(name: string, own: OnClause | undefined, usual: OnClause | undefined): readonly Transition[] {
  if (own && own.next.length > 0) return own.next;
  return (usual?.next ?? []).filter(({ to }) => to !== name);
}

/** As a flowchart of Mermaid. */
export function toMermaid(graph: WorkflowGraph): string {
  const ids = identifiers(graph);
  const lines = graph.nodes.map(
    (node) => `  ${ids.get(node.name)}${mermaidShape(node, mermaidText(labelOf(node)))}`,
  );
  const links = graph.edges.map(({ from, to, on, condition }) => {
    const arrow = { 'on-error': '-.->', 'on-skip': '-.->', 'on-complete': '==>' }[on as string] ?? '-->';
    const label = mermaidText(condition === undefined ? on : `${on}: ${shorten(condition)}`);
    return `  ${ids.get(from)} ${arrow}|"${label}"| ${ids.get(to)}`;
  });
  return `${['flowchart TD', ...lines, ...links].join('\n')}\n`;
}

function mermaidShape(node: GraphNode, text: string): string {
  if (node.kind === 'command') return `(("${text}"))`;
  if (node.join !== undefined) return `{{"${text}"}}`;
  return node.isStart ? `(["${text}"])` : `["${text}"]`;
}

/** Mermaid writes characters as `#name;`, and takes a text within quotes for HTML otherwise. */
function mermaidText(text: string): string {
  return text.replace(/[#&"<>`\\]/g, (character) => `#${character.charCodeAt(0)};`).replaceAll('\n', '<br/>');
}

/** As a graph of Graphviz' language. */
export function toDot(graph: WorkflowGraph): string {
  const ids = identifiers(graph);
  const lines = graph.nodes.map((node) => {
    const shape = node.kind === 'command' ? 'circle' : node.join !== undefined ? 'hexagon' : 'box';
    const style = node.isStart ? ', style=rounded' : '';
    return `  ${ids.get(node.name)} [label=${dotText(labelOf(node))}, shape=${shape}${style}];`;
  });
  const links = graph.edges.map(({ from, to, on, condition }) => {
    const style =
      { 'on-error': 'dashed', 'on-skip': 'dotted', 'on-complete': 'bold' }[on as string] ?? 'solid';
    const label = condition === undefined ? on : `${on}: ${shorten(condition)}`;
    return `  ${ids.get(from)} -> ${ids.get(to)} [label=${dotText(label)}, style=${style}];`;
  });
  return `${[`digraph ${dotText(graph.name)} {`, ...lines, ...links, '}'].join('\n')}\n`;
}

function dotText(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

/** Names may be anything, also words of the languages: a node is called by its number, and shows its name. */
function identifiers(graph: WorkflowGraph): ReadonlyMap<string, string> {
  return new Map(graph.nodes.map(({ name }, index) => [name, `n${index}`]));
}

function labelOf(node: GraphNode): string {
  const lines = [node.name];
  if (node.runs !== undefined && node.runs !== 'std.noop')
    lines.push(node.iterates ? `${node.runs} (each)` : node.runs);
  if (node.join !== undefined) lines.push(`join: ${node.join}`);
  return lines.map(shorten).join('\n');
}

/** In one line, and not longer than a label may be. */
function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}
