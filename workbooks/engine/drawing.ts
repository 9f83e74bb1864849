import type { TaskDefinition, WorkflowDefinition } from '../language/definition.ts';
import { engineCommands } from './commands.ts';
import { Graph } from './graph.ts';

/** A workflow as boxes and arrows. */
interface Drawing {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
}

interface Node {
  readonly id: string;
  readonly label: string;
  readonly shape: 'task' | 'join' | 'command';
}

interface Edge {
  readonly from: string;
  readonly to: string;
  /** `requires`: of a reverse workflow, from what is required to what requires it. */
  readonly event: 'success' | 'error' | 'complete' | 'skip' | 'requires';
  readonly label: string;
}

const events = [
  ['onSuccess', 'success'],
  ['onError', 'error'],
  ['onComplete', 'complete'],
  ['onSkip', 'skip'],
] as const;

/** Guards are told from one another by their beginning; the whole of them is in the workbook. */
const longestGuard = 60;

/** A flowchart in Mermaid's language: solid arrows on success, dotted on error and skip, thick on completion. */
export function drawMermaid(workflow: WorkflowDefinition): string {
  const { nodes, edges } = draw(workflow);
  const brackets = { task: ['[', ']'], join: ['{{', '}}'], command: ['([', '])'] } as const;
  const arrows = { success: '-->', error: '-.->', complete: '==>', skip: '-.->', requires: '-->' } as const;
  return [
    'flowchart TD',
    ...nodes.map(({ id, label, shape }) => {
      const [open, close] = brackets[shape];
      return `  ${id}${open}"${forMermaid(label)}"${close}`;
    }),
    ...edges.map(({ from, to, event, label }) => {
      const text = label === '' ? '' : `|"${forMermaid(label)}"|`;
      return `  ${from} ${arrows[event]}${text} ${to}`;
    }),
  ].join('\n');
}

/** The same in DOT, the language of Graphviz. */
export function drawDot(workflow: WorkflowDefinition): string {
  const { nodes, edges } = draw(workflow);
  const shapes = { task: 'box', join: 'hexagon', command: 'ellipse' } as const;
  const styles = { success: 'solid', error: 'dashed', complete: 'bold', skip: 'dotted', requires: 'solid' };
  return [
    `digraph ${forDot(workflow.name)} {`,
    ...nodes.map(({ id, label, shape }) => `  ${id} [label=${forDot(label)}, shape=${shapes[shape]}];`),
    ...edges.map(({ from, to, event, label }) => {
      const text = label === '' ? '' : `, label=${forDot(label)}`;
      return `  ${from} -> ${to} [style=${styles[event]}${text}];`;
    }),
    '}',
  ].join('\n');
}

function draw(workflow: WorkflowDefinition): Drawing {
  const graph = new Graph(workflow);
  const names = [...workflow.tasks.keys()];
  // Names may be words of either language: numbers are none.
  const ids = new Map(names.map((name, at) => [name, `t${at + 1}`]));
  const nodes: Node[] = [...workflow.tasks.values()].map((task) => ({
    id: ids.get(task.name) ?? '',
    label: labelOf(task),
    shape: task.join === undefined ? 'task' : 'join',
  }));
  const edges: Edge[] = [];
  const commandOf = (to: string): string => {
    const id = `c_${/^\w+$/.test(to) ? to : 'other'}`;
    if (!nodes.some((node) => node.id === id)) nodes.push({ id, label: to, shape: 'command' });
    return id;
  };
  // A command wins over a task of its name.
  const nodeOf = (to: string): string =>
    Object.hasOwn(engineCommands, to) ? commandOf(to) : (ids.get(to) ?? commandOf(to));
  for (const task of workflow.tasks.values()) {
    const from = ids.get(task.name) ?? '';
    for (const [key, event] of workflow.type === 'direct' ? events : []) {
      for (const { to, condition } of graph.clause(task.name, key)) {
        edges.push({ from, to: nodeOf(to), event, label: edgeLabel(event, condition) });
      }
    }
    for (const name of workflow.type === 'reverse' ? graph.requires(task) : []) {
      const required = ids.get(name);
      if (required !== undefined) {
        edges.push({ from: required, to: from, event: 'requires', label: '' });
      }
    }
  }
  return { nodes, edges };
}

function labelOf({ name, runs, join, withItems }: TaskDefinition): string {
  const lines = [name];
  if (runs.kind === 'workflow') lines.push(`workflow ${runs.name}`);
  else if (runs.name !== 'std.noop') lines.push(runs.name);
  if (withItems.size > 0) lines.push('with items');
  if (join !== undefined) lines.push(`join ${join}`);
  return lines.join('\n');
}

function edgeLabel(event: Edge['event'], condition: string): string {
  const guard = condition.length > longestGuard ? `${condition.slice(0, longestGuard)}…` : condition;
  return [event === 'success' ? '' : event, guard].filter((part) => part !== '').join(': ');
}

function forMermaid(text: string): string {
  return text.replace(/[&"<>#]/g, (letter) => `#${letter.codePointAt(0)};`).replace(/[\r\n]+/g, '<br/>');
}

function forDot(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replace(/\r?\n/g, '\\n')}"`;
}
