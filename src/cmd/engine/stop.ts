import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ConnectError, type Endpoint, EngineClient, parseEndpoint, ping, stopEngine } from '#client';
import { readProcessStat } from '#linux/process';
import { messageOf } from '#std/errors';
import { stopFlags } from './stop-flags.ts';

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

type Given = ReturnType<typeof parseArgs<{ options: typeof stopFlags }>>['values'];

/** The engine's address, with the certificates for it where TLS is asked for, by flags or by Docker's variables. */
function endpointOf(host: string, given: Given): Endpoint {
  const endpoint = parseEndpoint(host);
  const verify = given.tlsverify ?? Boolean(process.env.DOCKER_TLS_VERIFY);
  if (endpoint.kind !== 'tcp' || (!verify && !given.tls)) return endpoint;
  const folder = process.env.DOCKER_CERT_PATH || join(homedir(), '.docker');
  const read = (path: string | undefined, usual: string): string | undefined => {
    const file = path ?? join(folder, usual);
    return path !== undefined || existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  const [cert, key] = [read(given.tlscert, 'cert.pem'), read(given.tlskey, 'key.pem')];
  return { ...endpoint, tls: { ca: read(given.tlscacert, 'ca.pem'), cert, key, verify } };
}

/** Entry of `estiba engine stop`: asks the engine at a host to stop, and waits until its process has ended. */
export async function stopMain(argv: readonly string[]): Promise<number> {
  try {
    const { values } = parseArgs({ args: [...argv], options: stopFlags });
    const host = values.host ?? process.env.DOCKER_HOST ?? 'unix:///run/estiba/estiba.sock';
    const engine = new EngineClient(endpointOf(host, values));
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
