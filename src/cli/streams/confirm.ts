import { writeOut } from './text-output.ts';

/** Shows a warning and asks; only a line that begins with `y` or `Y` is consent. */
export async function confirm(warning: string): Promise<boolean> {
  writeOut(`WARNING! ${warning}\nAre you sure you want to continue? [y/N] `);
  let typed = '';
  for await (const bytes of Bun.stdin.stream()) {
    typed += Buffer.from(bytes).toString();
    if (typed.includes('\n')) break;
  }
  return /^\s*y(?:es)?\s*$/i.test(typed.split('\n')[0] ?? '');
}
