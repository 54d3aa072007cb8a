import { writeErr, writeOut } from './text-output.ts';

const enter = /[\r\n]/;
const interrupt = '\u0003';

/** Shows a prompt and gives the line that is typed; `hidden` shows nothing of it, which needs a terminal. */
export async function readLine(prompt: string, options: { hidden?: boolean } = {}): Promise<string> {
  writeOut(prompt);
  if (options.hidden) process.stdin.setRawMode(true);
  let typed = '';
  try {
    for await (const bytes of Bun.stdin.stream()) {
      typed += Buffer.from(bytes).toString();
      if (enter.test(typed) || typed.includes(interrupt)) break;
    }
  } finally {
    if (options.hidden) {
      process.stdin.setRawMode(false);
      writeErr('\n');
    }
  }
  const line = typed.split(enter)[0] ?? '';
  if (line.includes(interrupt)) process.exit(130);
  // In raw mode the terminal leaves corrections to us.
  return options.hidden
    ? [...line].reduce((text, key) => (key === '\u007f' ? text.slice(0, -1) : text + key), '')
    : line;
}
