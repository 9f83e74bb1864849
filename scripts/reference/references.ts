import { fileURLToPath } from 'node:url';
import { loadAllCommands } from '../../cli/catalog.ts';
import { builtInActions } from '../../workbooks/actions/registry.ts';
import { actionReference } from './actions.ts';
import { commandReference } from './commands.ts';
import { configurationReference } from './configuration.ts';
import { dashboard } from './dashboard.ts';
import { engineReference } from './engines.ts';
import { metricsReference } from './metrics.ts';

/** Every file that is generated: where it lies, and what should stand there. */
export async function references(): Promise<{ path: string; text: string }[]> {
  const path = (name: string) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
  return [
    { path: path('commands.md'), text: commandReference(await loadAllCommands()) },
    { path: path('actions.md'), text: actionReference(builtInActions()) },
    { path: path('configuration.md'), text: configurationReference() },
    { path: path('metrics.md'), text: metricsReference() },
    { path: path('engines/README.md'), text: await engineReference() },
    { path: path('../deploy/grafana/backupctl.json'), text: dashboard() },
  ];
}
