import { parseArgs } from 'node:util';
import { ConnectError, EngineClient, parseEndpoint, ping, stopEngine } from '#client';
import { readProcessStat } from '#linux/process';
import { messageOf } from '#std/errors';

const pollMs = 20;

/** A zombie has ended: when its parent comes round to reaping it is no concern of whoever stops the engine. */
function isAlive(pid: number): boolean {
  const stat = readProcessStat(pid);
  return stat !== undefined && stat.state !== 'Z' && stat.state !== 'X';
}

async function answers(engine: EngineClient): Promise<boolean> {
  try {
    await ping(engine);
    return true;
  } catch (error) {
    return !(error instanceof ConnectError);
  }
}

/** Entry of `estiba engine stop`: asks the engine at a host to stop, and waits until its process has ended. */
export async function stopMain(argv: readonly string[]): Promise<number> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { all: { type: 'boolean' }, host: { type: 'string', short: 'H' } },
    });
    const host = values.host ?? process.env.DOCKER_HOST ?? 'unix:///run/estiba/estiba.sock';
    const engine = new EngineClient(parseEndpoint(host));
    const pid = await stopEngine(engine, { all: values.all ?? false });
    // On another machine the process cannot be seen: there the end of the answers has to do.
    const ends = host.startsWith('unix://')
      ? () => Promise.resolve(!isAlive(pid))
      : async () => !(await answers(engine));
    while (!(await ends())) await Bun.sleep(pollMs);
    return 0;
  } catch (error) {
    process.stderr.write(`estiba engine stop: ${messageOf(error)}\n`);
    return 1;
  }
}
