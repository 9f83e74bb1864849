import { defineCommand } from '../command.ts';
import { workflow } from '../parameters.ts';

export const command = defineCommand({
  name: 'workflow-graph',
  group: 'Workbooks',
  summary: 'Draw a workflow: its tasks, and what follows what',
  description:
    'Mermaid, which many wikis and forges draw, or DOT for Graphviz. Arrows: solid on success, dotted on error, thick on completion, with the guard on them.',
  positionals: { workflow },
  flags: {
    format: {
      type: 'choice',
      choices: ['mermaid', 'dot'],
      describe: 'the language of the drawing',
      default: 'mermaid',
    },
  },
  prints: 'text',
  examples: [['backupctl workflow-graph nightly.all --format dot | dot -Tsvg > nightly.svg', 'A picture']],
  async run(args, context) {
    const client = await context.client();
    const shown = await client.workflowShow(args.workflow);
    const [{ normalizeWorkflow }, { drawDot, drawMermaid }] = await Promise.all([
      import('../../workbooks/language/normalize.ts'),
      import('../../workbooks/engine/drawing.ts'),
    ]);
    const definition = normalizeWorkflow(shown.name, shown.definition);
    context.output.text(args.format === 'dot' ? drawDot(definition) : drawMermaid(definition));
  },
});
