import { containerTop } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { alignColumns } from '../../print/columns.ts';
import { writeOut } from '../../streams/text-output.ts';

const columnWidth = 20;

/** `container top`: its processes, as `ps` lists them. */
export const top = defineCommand({
  usage: 'CONTAINER [ps OPTIONS]',
  examples: [['top web -o pid,rss,args', 'Choose the columns']],
  flags: {},
  args: { min: 1 },
  operands: ['running-container', 'none'],
  interspersed: false,
  async run({ args, engine }) {
    const [container = '', ...psArguments] = args;
    const { Titles, Processes } = await containerTop(engine, container, psArguments);
    const lines = [Titles, ...(Processes ?? [])].map((cells) => cells.join('\t'));
    writeOut(alignColumns(lines, { minimum: columnWidth }));
    return 0;
  },
});
