import type { ProgressMessage } from '#api';
import { kindOf, messageOf } from '#std/errors';
import { goJson } from '#std/go-json';
import { log } from '#std/log';

const line = (message: ProgressMessage): string => `${goJson(message)}\r\n`;

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
