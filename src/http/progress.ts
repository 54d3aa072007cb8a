import type { ProgressMessage } from '#api';
import { kindOf, messageOf } from '#std/errors';
import { log } from '#std/log';

/** Go's encoder writes these so that JSON may stand in HTML. */
const escapes: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

function line(message: ProgressMessage): string {
  const text = JSON.stringify(message).replace(/[<>&\u2028\u2029]/g, (character) => escapes[character] ?? character);
  return `${text}\r\n`;
}

/** Docker's progress stream: a JSON object a line; what goes wrong on the way is its last line. */
export async function* encodeProgress(messages: AsyncIterable<ProgressMessage>, what: string): AsyncGenerator<string> {
  try {
    for await (const message of messages) yield line(message);
  } catch (error) {
    if (kindOf(error) === 'internal') log('error', `${what} failed`, { error: messageOf(error) });
    yield line({ errorDetail: { message: messageOf(error) }, error: messageOf(error) });
  }
}

/** A progress stream of one line. */
export async function* encodeStatus(status: string): AsyncGenerator<string> {
  yield line({ status });
}
