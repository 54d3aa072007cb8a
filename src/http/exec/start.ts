import type { Containers } from '#containers';
import type { Endpoint } from '../exchange.ts';
import { empty } from '../exchange.ts';
import { hijackResponse } from '../hijack-response.ts';
import { readJson } from '../json/body.ts';
import { boolean, decodeAs, integer, list, object } from '../json/schema.ts';
import { newestVersion } from '../version.ts';

interface ExecStartRequest {
  readonly Detach?: boolean;
  readonly Tty?: boolean;
  readonly ConsoleSize?: [number, number];
}

const execStartOptions = object('container.ExecStartOptions', {
  Detach: boolean,
  Tty: boolean,
  ConsoleSize: list(integer('uint'), undefined, 2),
});

/**
 * `POST /exec/{id}/start`. When attached, the head goes out before the process starts, as with Docker: the client sets its
 * terminal up meanwhile, and what goes wrong then is told in the stream.
 */
export function startExec(
  containers: Pick<Containers, 'execInspect' | 'execStart' | 'execStartDetached'>,
  engineVersion: string,
): Endpoint {
  return async (call) => {
    const request = decodeAs<ExecStartRequest>(await readJson(call), execStartOptions, 'ExecStartOptions');
    const tty = request.Tty ?? false;
    if (request.Detach) {
      await containers.execStartDetached(call.name, { tty });
      return empty(200);
    }
    containers.execInspect(call.name);
    const consoleSize = tty && call.version >= 42 ? request.ConsoleSize : undefined;
    const start = () => containers.execStart(call.name, { tty, ...(consoleSize === undefined ? {} : { consoleSize }) });
    return hijackResponse(
      call,
      tty,
      { connect: start, abandon: () => undefined },
      {
        'Api-Version': newestVersion,
        'Docker-Experimental': 'false',
        Ostype: 'linux',
        Server: `Estiba/${engineVersion} (linux)`,
      },
    );
  };
}
