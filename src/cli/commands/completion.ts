import { fail } from '#std/errors';
import { scripts } from '../complete/scripts.ts';
import { defineCommand } from '../grammar/command.ts';
import { writeOut } from '../streams/text-output.ts';

const shells = Object.keys(scripts);

/** `completion SHELL`: prints the shell's script. */
export const completion = defineCommand({
  usage: 'bash|zsh|fish',
  description:
    'The script asks this program what a command line may become, and knows names of containers, images, volumes, networks and contexts too.',
  examples: [
    ['completion bash > /etc/bash_completion.d/estiba', 'For all users of bash, from their next login on'],
    ['completion zsh > ~/.zsh/_estiba', 'For zsh, where that folder is in $fpath'],
    ['completion fish > ~/.config/fish/completions/estiba.fish', 'For fish'],
  ],
  flags: {},
  args: { min: 1, max: 1 },
  operands: [shells],
  async run({ args, program }) {
    const [shell = ''] = args;
    const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
    if (script === undefined) {
      throw fail('not-implemented', `${program}: there is no completion for ${shell}, only for ${shells.join(', ')}`);
    }
    writeOut(script.replaceAll('NAME', program));
    return 0;
  },
});
