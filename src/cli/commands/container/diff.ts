import type { FilesystemChange } from '#api';
import { containerChanges } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { writeOut } from '../../streams/text-output.ts';

const letters = ['C', 'A', 'D'] as const;

const line = ({ Kind, Path }: FilesystemChange): string => `${letters[Kind]} ${Path}\n`;

/** `container diff`: C for what changed, A for what was added, D for what was deleted. */
export const diff = defineCommand({
  usage: 'CONTAINER',
  flags: {},
  args: { min: 1, max: 1 },
  operands: ['container'],
  async run({ args, engine }) {
    writeOut((await containerChanges(engine, args[0] ?? '')).map(line).join(''));
    return 0;
  },
});
