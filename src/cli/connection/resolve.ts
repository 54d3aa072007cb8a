import { type Endpoint, EngineClient, parseEndpoint } from '#client';
import { fail, messageOf } from '#std/errors';
import { fileSystem } from '../builtins.ts';
import { type ConfigFile, configFolder, readConfigFile } from './config-file.ts';
import type { TlsOptions } from './tls.ts';

const ownSocket = '/run/estiba/estiba.sock';
const dockerSocket = '/var/run/docker.sock';

/** The options before the command that say which engine is meant. */
export interface ConnectionOptions {
  readonly hosts: readonly string[];
  readonly context: string;
  readonly configFolder: string;
  readonly tls: TlsOptions;
}

export interface ResolvedEngine {
  readonly engine: EngineClient;
  readonly contextName: string;
  readonly configFolder: string;
  readonly config: ConfigFile;
}

/**
 * The engine that is meant, in docker's order: `--host`, `--context`, DOCKER_HOST, DOCKER_CONTEXT, the current context of
 * the configuration, the default socket. The default is Estiba's own; a `docker` without it looks for Docker's.
 * @throws `invalid-argument` or `not-found`
 */
export async function resolveEngine(program: 'estiba' | 'docker', options: ConnectionOptions): Promise<ResolvedEngine> {
  const folder = configFolder(options.configFolder);
  const config = await readConfigFile(folder);
  const contextName = contextNameOf(options, config);
  const version = process.env.DOCKER_API_VERSION?.replace(/^v/, '') || undefined;
  let endpoint: Endpoint | undefined;
  let failure: unknown;
  try {
    endpoint = await resolveEndpoint(program, options, folder, contextName);
  } catch (error) {
    const message = `Failed to initialize: unable to resolve docker endpoint: ${messageOf(error)}`;
    failure = fail('invalid-argument', message, error);
  }
  const engine = endpoint && new EngineClient(endpoint, { version, headers: config.HttpHeaders });
  return {
    contextName,
    configFolder: folder,
    config,
    // Whoever repairs a context that is broken needs no engine.
    get engine() {
      if (!engine) throw failure;
      return engine;
    },
  };
}

/** The name of the context that is in use: `default` wherever the host is told otherwise than by a context. */
function contextNameOf(options: ConnectionOptions, config: ConfigFile): string {
  if (options.hosts.length > 0 && options.context !== '') {
    throw fail('invalid-argument', 'conflicting options: cannot specify both --host and --context');
  }
  if (options.hosts.length > 0) return 'default';
  if (options.context !== '') return options.context;
  if (process.env.DOCKER_HOST) return 'default';
  return process.env.DOCKER_CONTEXT || config.currentContext || 'default';
}

async function resolveEndpoint(
  program: 'estiba' | 'docker',
  options: ConnectionOptions,
  folder: string,
  contextName: string,
): Promise<Endpoint> {
  const [host, ...otherHosts] = options.hosts;
  if (otherHosts.length > 0) throw fail('invalid-argument', 'Specify only one -H');
  if (contextName !== 'default') return (await import('./context-endpoint.ts')).contextEndpoint(folder, contextName);
  const endpoint = parseEndpoint(host ?? (process.env.DOCKER_HOST || `unix://${defaultSocket(program)}`));
  if (!options.tls.use && !process.env.DOCKER_TLS_VERIFY && !process.env.DOCKER_TLS) return endpoint;
  return (await import('./tls.ts')).withTls(endpoint, options.tls, folder);
}

function defaultSocket(program: 'estiba' | 'docker'): string {
  const { existsSync } = fileSystem();
  return program === 'docker' && !existsSync(ownSocket) && existsSync(dockerSocket) ? dockerSocket : ownSocket;
}
