import type { Flag, FlagTable } from './flag.ts';
import { usageForms } from './usage-forms.ts';

const widthColumns = 80;

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return lines;
}

function flagHead(name: string, flag: Flag<unknown>): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  return `  ${short}--${name}${flag.type === '' ? '' : ` ${flag.type}`}`;
}

/** The options of a table, sorted, each with its summary in a column of its own. */
export function flagLines(table: FlagTable): string[] {
  const shown = Object.entries(table)
    .filter(([, flag]) => flag.hidden !== true)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const column = Math.max(0, ...shown.map(([name, flag]) => flagHead(name, flag).length)) + 3;
  return shown.flatMap(([name, flag]) => {
    const ending = flag.shownDefault === undefined ? '' : ` (default ${flag.shownDefault})`;
    const [first = '', ...rest] = wrap(flag.summary + ending, Math.max(24, widthColumns - column));
    return [flagHead(name, flag).padEnd(column) + first, ...rest.map((line) => ' '.repeat(column) + line)];
  });
}

/** Lines of names and summaries in two columns. */
export function nameLines(rows: readonly (readonly [name: string, summary: string])[], nameWidth = 11): string[] {
  const width = Math.max(nameWidth, ...rows.map(([name]) => name.length));
  return rows.map(([name, summary]) => `  ${name.padEnd(width)} ${summary}`);
}

/** The `--help` of a command. */
export function commandHelp(options: {
  program: string;
  path: string;
  usage: string;
  summary: string;
  description?: string;
  examples?: readonly (readonly [line: string, what: string])[];
  aliases: readonly string[];
  flags: FlagTable;
}): string {
  const { program, path, usage, summary, description, examples = [], aliases, flags } = options;
  const parts = [`Usage:  ${usageForms(path, usage)}`, '', summary];
  if (description !== undefined) parts.push('', ...wrap(description, widthColumns));
  if (aliases.length > 1) parts.push('', 'Aliases:', `  ${aliases.join(', ')}`);
  if (examples.length > 0) {
    const lines = examples.flatMap(([line, what]) => [`  # ${what}`, `  ${program} ${line}`]);
    parts.push('', 'Examples:', ...lines);
  }
  const lines = flagLines(flags);
  if (lines.length > 0) parts.push('', 'Options:', ...lines);
  return `${parts.join('\n')}\n`;
}
