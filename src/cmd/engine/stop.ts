import { parseArgs } from 'node:util';
import { EngineClient, parseEndpoint, stopEngine } from '#client';
import { messageOf } from '#std/errors';

/** Entry of `estiba engine stop`: asks the engine at a host to stop, and waits until it does not answer any more. */
export async function stopMain(argv: readonly string[]): Promise<number> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { all: { type: 'boolean' }, host: { type: 'string', short: 'H' } },
    });
    const host = values.host ?? process.env.DOCKER_HOST ?? 'unix:///run/estiba/estiba.sock';
    await stopEngine(new EngineClient(parseEndpoint(host)), { all: values.all ?? false });
    return 0;
  } catch (error) {
    process.stderr.write(`estiba engine stop: ${messageOf(error)}\n`);
    return 1;
  }
}
