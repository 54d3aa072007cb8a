import type { ProgressMessage } from '#api';
import { fail } from '#std/errors';
import { isTerminal } from '../streams/terminal.ts';
import { writeErr, writeOut } from '../streams/text-output.ts';

/**
 * Prints the progress that the engine tells of a pull, import or load; on a terminal each layer keeps its line.
 * @throws `internal` with the engine's words when it failed on the way
 */
export async function printProgress(
  messages: AsyncIterable<ProgressMessage>,
  options: { fd: 1 | 2; quiet?: boolean },
): Promise<void> {
  const print = options.fd === 1 ? writeOut : writeErr;
  const terminal = options.quiet !== true && (await isTerminal(options.fd));
  const lines: string[] = [];
  for await (const message of messages) {
    if (message.error !== undefined) throw fail('internal', message.errorDetail?.message ?? message.error);
    if (options.quiet) continue;
    if (message.stream !== undefined) print(message.stream);
    else if (terminal && message.id) printInPlace(print, lines, message.id, progressText(message));
    else if (!message.progress && message.aux === undefined) {
      // What is printed between moves the lines out of reach.
      lines.length = 0;
      // One that says nothing is a line all the same.
      print(`${message.id ? `${message.id}: ` : ''}${message.status ?? ''}\n`);
    }
  }
}

function progressText({ status, progress }: ProgressMessage): string {
  return [status, progress].filter(Boolean).join(' ');
}

function printInPlace(print: (text: string) => void, lines: string[], id: string, text: string): void {
  let line = lines.indexOf(id);
  if (line < 0) {
    line = lines.push(id) - 1;
    print('\n');
  }
  const up = lines.length - line;
  print(`\u001b[${up}A\r\u001b[2K${id}: ${text}\u001b[${up}B\r`);
}
