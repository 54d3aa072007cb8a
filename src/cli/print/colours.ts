import { isTerminal } from '../streams/terminal.ts';

/** Whether what is printed there may have colours: on a terminal that shows them, and whose user does not object. */
export async function hasColours(fd: 1 | 2): Promise<boolean> {
  // https://no-color.org: set and not empty.
  if (process.env.NO_COLOR || process.env.TERM === 'dumb') return false;
  return isTerminal(fd);
}

const bold = (text: string): string => `\u001b[1m${text}\u001b[22m`;
const cyan = (text: string): string => `\u001b[36m${text}\u001b[39m`;
const dim = (text: string): string => `\u001b[2m${text}\u001b[22m`;

/** A help with its headings, names and flags set off, where colours are welcome. */
export async function paintHelp(help: string, fd: 1 | 2): Promise<string> {
  if (!(await hasColours(fd))) return help;
  return help
    .replace(/^[A-Z][\w ]*:(?=$| {2})/gm, bold)
    .replace(
      /^( {2,6})((?:-\w, )?--[\w-]+|[a-z][\w-]*(?= {2,}))/gm,
      (_, indent: string, name: string) => indent + cyan(name),
    )
    .replace(/^ {2}# .*$/gm, dim);
}
