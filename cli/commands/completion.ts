import { BackupctlError } from '../../errors/backupctl-error.ts';
import { loadAllCommands } from '../catalog.ts';
import { defineCommand } from '../command.ts';
import { nearest } from '../suggest.ts';

const shells = {
  bash: () => import('../completion/bash.ts'),
  zsh: () => import('../completion/zsh.ts'),
  fish: () => import('../completion/fish.ts'),
};

export const command = defineCommand({
  name: 'completion',
  group: 'Platform',
  summary: 'Print what makes a shell complete commands and flags',
  positionals: { shell: { describe: 'bash, zsh or fish' } },
  flags: {},
  prints: 'text',
  examples: [
    ['source <(backupctl completion bash)', 'In ~/.bashrc'],
    ['source <(backupctl completion zsh)', 'In ~/.zshrc, after compinit'],
    ['backupctl completion fish > ~/.config/fish/completions/backupctl.fish', 'Once, for fish'],
  ],
  async run({ shell }, context) {
    if (!Object.hasOwn(shells, shell)) {
      const near = nearest(shell, Object.keys(shells));
      throw new BackupctlError('usage', `there is no completion for ${JSON.stringify(shell)} (completion)`, {
        hint: near ? `did you mean ${near}?` : `write one of ${Object.keys(shells).join(', ')}`,
      });
    }
    const { completionScript } = await shells[shell as keyof typeof shells]();
    context.output.text(completionScript(await loadAllCommands()));
  },
});
