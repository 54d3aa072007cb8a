import type { ContainerWaitResponse } from '#api';
import type { Containers } from '#containers';
import { fail, messageOf } from '#std/errors';
import type { Endpoint } from '../exchange.ts';
import { json, stream } from '../exchange.ts';

const conditions = new Set(['not-running', 'next-exit', 'removed']);

async function* encode(result: Promise<ContainerWaitResponse>, signal: AbortSignal): AsyncGenerator<string> {
  try {
    yield `${JSON.stringify(await result)}\n`;
  } catch (error) {
    // The head is out: Docker then tells of the failure in the body.
    if (!signal.aborted) yield `${JSON.stringify({ StatusCode: -1, Error: { Message: messageOf(error) } })}\n`;
  }
}

/**
 * `POST /containers/{name}/wait`. From version 1.30 on the head goes out as soon as the wait is registered: the docker CLI
 * starts the container only then.
 */
export function waitContainer(containers: Pick<Containers, 'wait'>): Endpoint {
  return async ({ name, query, signal, version }) => {
    if (version < 30) return json(await containers.wait(name, 'not-running', signal).result);
    const condition = query.text('condition') ?? 'not-running';
    if (!conditions.has(condition)) {
      throw fail('invalid-argument', `invalid condition: ${JSON.stringify(condition)}`);
    }
    const { result } = containers.wait(name, condition, signal);
    // When the client leaves before the head is out, nobody is left to hear of the failure.
    result.catch(() => undefined);
    return stream('application/json', encode(result, signal));
  };
}
