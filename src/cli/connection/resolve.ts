import { EngineClient, parseEndpoint } from '#client';
import { fail } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import { configFolder, readConfigFile } from './config-file.ts';

const ownSocket = '/run/estiba/estiba.sock';
const dockerSocket = '/var/run/docker.sock';

/** The options before the command that say which engine is meant. */
export interface ConnectionOptions {
  readonly hosts: readonly string[];
  readonly context: string;
  readonly configFolder: string;
}

export interface ResolvedEngine {
  readonly engine: EngineClient;
  readonly contextName: string;
}

/**
 * The engine that is meant, in docker's order: `--host`, `--context`, DOCKER_HOST, DOCKER_CONTEXT, the current context of
 * the configuration, the default socket. The default is Estiba's own; a `docker` without it looks for Docker's.
 * @throws `invalid-argument` or `not-found`
 */
export async function resolveEngine(program: 'estiba' | 'docker', options: ConnectionOptions): Promise<ResolvedEngine> {
  const { host, contextName } = await resolveHost(program, options);
  const version = process.env.DOCKER_API_VERSION?.replace(/^v/, '') || undefined;
  return { engine: new EngineClient(parseEndpoint(host), { version }), contextName };
}

async function resolveHost(
  program: 'estiba' | 'docker',
  options: ConnectionOptions,
): Promise<{ host: string; contextName: string }> {
  const [host, ...otherHosts] = options.hosts;
  if (otherHosts.length > 0) throw fail('invalid-argument', 'specify only one -H');
  if (host !== undefined && options.context !== '') {
    throw fail('invalid-argument', 'conflicting options: cannot specify both --host and --context');
  }
  if (host !== undefined) return { host, contextName: 'default' };
  if (options.context === '' && process.env.DOCKER_HOST)
    return { host: process.env.DOCKER_HOST, contextName: 'default' };
  const folder = configFolder(options.configFolder);
  const contextName =
    options.context || process.env.DOCKER_CONTEXT || (await readConfigFile(folder)).currentContext || 'default';
  if (contextName !== 'default') {
    const { contextHost } = await import('./contexts.ts');
    return { host: contextHost(folder, contextName), contextName };
  }
  const socket =
    program === 'docker' && !fileSystem().existsSync(ownSocket) && fileSystem().existsSync(dockerSocket)
      ? dockerSocket
      : ownSocket;
  return { host: `unix://${socket}`, contextName };
}
