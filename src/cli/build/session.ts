import { connect } from 'node:net';
import { auth, health, secrets as secretMessages, ssh } from '#build-api';
import { failCall, type Implementation, implement } from '#grpc';
import type { ConfigFile } from '../connection/config-file.ts';
import { dockerHubAddress, readCredentials } from '../connection/credentials.ts';
import { readSecret, type SecretSource } from './secrets.ts';

/** What builders ask for by the name of Docker Hub's hosts is kept under its address. */
const hubHosts: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** Credentials of our configuration, for registries that a build pulls from and pushes to. */
function offerCredentials(config: ConfigFile): Implementation {
  return implement(auth.authService, {
    async Credentials({ host }) {
      const address = hubHosts.has(host) ? dockerHubAddress : host;
      const found = await readCredentials(config, address);
      if (found?.identitytoken) return { username: '', secret: found.identitytoken };
      return { username: found?.username ?? '', secret: found?.password ?? '' };
    },
  });
}

function offerSecrets(secrets: ReadonlyMap<string, SecretSource>): Implementation {
  return implement(secretMessages.secretsService, {
    GetSecret({ id }) {
      const source = secrets.get(id);
      if (source === undefined) throw failCall('not-found', `secret ${id} not found`);
      return { data: readSecret(source) };
    },
  });
}

function offerAgents(agents: ReadonlyMap<string, string>): Implementation {
  return implement(ssh.sshService, {
    CheckAgent({ id }) {
      if (!agents.has(id || 'default')) throw failCall('not-found', `unset ssh forward key ${id || 'default'}`);
      return {};
    },
    async ForwardAgent(stream, { metadata, signal }) {
      const path = agents.get(metadata.get('buildkit.ssh.id')?.[0] || 'default');
      if (path === undefined) throw failCall('not-found', 'there is no such agent');
      const socket = connect(path);
      signal.addEventListener('abort', () => socket.destroy(), { once: true });
      const toAgent = async (): Promise<void> => {
        for await (const { data } of stream.messages) {
          if (!socket.write(data)) await new Promise((resolve) => socket.once('drain', resolve));
        }
        socket.end();
      };
      // The other direction ends when this one's socket does.
      toAgent().catch(() => socket.destroy());
      for await (const data of socket) await stream.send({ data: data as Uint8Array });
    },
  });
}

/** What the engine may ask of us while it builds, but for files. */
export function offersOf(options: {
  readonly config: ConfigFile;
  readonly secrets: ReadonlyMap<string, SecretSource>;
  readonly agents: ReadonlyMap<string, string>;
}): Implementation[] {
  const { config, secrets, agents } = options;
  return [
    health.healthy,
    offerCredentials(config),
    ...(secrets.size > 0 ? [offerSecrets(secrets)] : []),
    ...(agents.size > 0 ? [offerAgents(agents)] : []),
  ];
}
