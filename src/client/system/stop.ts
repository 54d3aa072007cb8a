import type { EngineClient } from '../transport/engine-client.ts';

/**
 * `POST /estiba/stop`, our own addition to the Engine API: tells the engine to end, with `all` its containers and the
 * keeper too. Resolves at once, with the pid of the engine's process on its host.
 */
export async function stopEngine(engine: EngineClient, options: { all: boolean }): Promise<number> {
  const query = { all: options.all ? '1' : undefined };
  const { Pid } = await engine.json<{ Pid: number }>({ method: 'POST', path: '/estiba/stop', query });
  return Pid;
}
