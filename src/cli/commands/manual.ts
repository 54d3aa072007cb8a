import { fileSystem, paths } from '../builtins.ts';
import { defineCommand } from '../grammar/command.ts';
import { manualPages } from '../manual/pages.ts';
import { writeOut } from '../streams/text-output.ts';

/** `__manual FOLDER`: writes the man pages there, for the build and for packages. */
export const manual = defineCommand({
  usage: 'FOLDER',
  flags: {},
  args: { min: 1, max: 1 },
  operands: ['directory'],
  async run({ args, program, version, catalogue }) {
    const [folder = ''] = args;
    const pages = await manualPages({ name: program, version }, catalogue);
    fileSystem().mkdirSync(folder, { recursive: true });
    for (const [name, page] of pages) fileSystem().writeFileSync(paths().join(folder, name), page);
    writeOut(`${pages.size} man pages in ${folder}\n`);
    return 0;
  },
});
