import { ConnectError } from '../transport/connect-error.ts';
import type { EngineClient } from '../transport/engine-client.ts';
import { ping } from './ping.ts';

const pollMs = 20;

/**
 * `POST /estiba/stop`, our own addition to the Engine API: ends the engine, with `all` its containers and the keeper
 * too. Resolves when the engine does not answer any more.
 */
export async function stopEngine(engine: EngineClient, options: { all: boolean }): Promise<void> {
  const query = { all: options.all ? '1' : undefined };
  await (await engine.send({ method: 'POST', path: '/estiba/stop', query })).body.text();
  for (;;) {
    try {
      await ping(engine);
    } catch (error) {
      if (error instanceof ConnectError) return;
    }
    await Bun.sleep(pollMs);
  }
}
