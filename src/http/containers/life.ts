import type { Containers } from '#containers';
import { fail } from '#std/errors';
import type { Call, Endpoint } from '../exchange.ts';
import { empty } from '../exchange.ts';

/** `POST /containers/{name}/start` */
export function startContainer(containers: Pick<Containers, 'start'>): Endpoint {
  return async ({ name, query, headers }) => {
    // Seven bytes are what clients send for an empty object in their several spellings.
    if (Number(headers.get('content-length') ?? 0) > 7 || headers.has('transfer-encoding')) {
      throw fail(
        'invalid-argument',
        'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
      );
    }
    if (query.text('checkpoint') !== undefined) {
      throw fail('invalid-argument', 'checkpoint is only supported in experimental mode');
    }
    const detachKeys = query.text('detachKeys');
    await containers.start(name, detachKeys === undefined ? {} : { detachKeys });
    return empty();
  };
}

function stopOptions({ query, version }: Call): { signal?: string; timeoutSeconds?: number } {
  const signal = version < 42 ? undefined : query.text('signal');
  const timeoutSeconds = query.integer('t');
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  };
}

/** `POST /containers/{name}/stop` */
export function stopContainer(containers: Pick<Containers, 'stop'>): Endpoint {
  return async (call) => {
    await containers.stop(call.name, stopOptions(call));
    return empty();
  };
}

/** `POST /containers/{name}/restart` */
export function restartContainer(containers: Pick<Containers, 'restart'>): Endpoint {
  return async (call) => {
    await containers.restart(call.name, stopOptions(call));
    return empty();
  };
}

/** `POST /containers/{name}/kill` */
export function killContainer(containers: Pick<Containers, 'kill'>): Endpoint {
  return async ({ name, query }) => {
    await containers.kill(name, query.text('signal'));
    return empty();
  };
}

/** `POST /containers/{name}/pause` */
export function pauseContainer(containers: Pick<Containers, 'pause'>): Endpoint {
  return async ({ name }) => {
    await containers.pause(name);
    return empty();
  };
}

/** `POST /containers/{name}/unpause` */
export function unpauseContainer(containers: Pick<Containers, 'unpause'>): Endpoint {
  return async ({ name }) => {
    await containers.unpause(name);
    return empty();
  };
}

/** `POST /containers/{name}/resize` */
export function resizeContainer(containers: Pick<Containers, 'resize'>): Endpoint {
  return async ({ name, query }) => {
    const rows = query.extent('h', 'resize height');
    await containers.resize(name, rows, query.extent('w', 'resize width'));
    return empty(200);
  };
}
