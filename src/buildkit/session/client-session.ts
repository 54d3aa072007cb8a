import type { Duplex } from 'node:stream';
import { auth, secrets, ssh, upload } from '#build-api';
import type {
  BuildSession,
  ContentStore,
  DirectoryTransfer,
  LocalDirectories,
  LocalDirectory,
  LocalRequest,
  OnTransfer,
} from '#builder';
import type { CredentialKeeper, RegistryCredentials } from '#distribution';
import { askForFiles, sendDirectoryTo, sendFileTo } from '#filesync';
import { duplexOfCall, type GrpcClientConnection, GrpcError, methodPath, type Service, statusCodes } from '#grpc';
import { fail } from '#std/errors';
import { SessionContentStore } from './content-store.ts';
import type { SessionOffer } from './sessions.ts';

/** Brings directories of clients; there once the builder is. */
export type LocalsOf = () => Promise<Pick<LocalDirectories, 'receive'>>;

/** Docker Hub by the name that Docker's clients keep its credentials under. */
const hubNames: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io']);
const hubHost = 'registry-1.docker.io';

/** What holds where a token server does not say. */
const shortestTokenLifeSeconds = 60;
/** A token may expire on its way. */
const tokenMarginMs = 10_000;

const agentHeader = 'buildkit.ssh.id';
/** The host of addresses that stand for what a client uploads. */
const uploadHost = 'buildkit-session';

/** A client that wants a build, asked over the gRPC services that it offers. */
export class ClientSession implements BuildSession {
  readonly id: string;
  readonly signal: AbortSignal;
  readonly #offer: SessionOffer;
  readonly #connection: GrpcClientConnection;
  readonly #locals: LocalsOf;
  readonly #keepers = new Map<string, CredentialKeeper>();
  readonly #credentials = new Map<string, Promise<RegistryCredentials | undefined>>();

  constructor(offer: SessionOffer, connection: GrpcClientConnection, locals: LocalsOf) {
    this.id = offer.id;
    this.signal = connection.signal;
    this.#offer = offer;
    this.#connection = connection;
    this.#locals = locals;
  }

  async local(
    request: LocalRequest,
    options: { onTransfer?: OnTransfer; signal: AbortSignal },
  ): Promise<LocalDirectory> {
    const locals = await this.#locals();
    const stream = askForFiles(this.#connection, request, options.signal);
    return await locals.receive(this.#offer.sharedKey, request, stream, options);
  }

  async secret(id: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    if (!this.#offers(secrets.secretsService, 'GetSecret')) return undefined;
    try {
      return (await this.#connection.client(secrets.secretsService).GetSecret({ id }, { signal })).data;
    } catch (error) {
      if (isLack(error)) return undefined;
      throw error;
    }
  }

  async hasAgent(id: string): Promise<boolean> {
    if (!this.#offers(ssh.sshService, 'CheckAgent')) return false;
    try {
      await this.#connection.client(ssh.sshService).CheckAgent({ id });
      return true;
    } catch (error) {
      // A client that has none of that id says so in one way or another.
      if (this.signal.aborted) throw error;
      return false;
    }
  }

  async connectAgent(id: string): Promise<Duplex> {
    if (!this.#offers(ssh.sshService, 'ForwardAgent')) throw fail('not-found', 'no SSH agent is offered');
    const metadata = { [agentHeader]: id === '' ? 'default' : id };
    return duplexOfCall(this.#connection.client(ssh.sshService).ForwardAgent({ metadata }));
  }

  credentials(host: string): Promise<RegistryCredentials | undefined> {
    const asked = hubNames.has(host) ? hubHost : host;
    const { methods } = this.#offer;
    if (methods.length === 0 || !this.#offers(auth.authService, 'FetchToken')) return this.#passwordFor(asked);
    const keeper = this.#keepers.get(asked) ?? this.#keeperFor(asked);
    this.#keepers.set(asked, keeper);
    return Promise.resolve({ keeper });
  }

  contentStore(name: string): ContentStore {
    return new SessionContentStore(this.#connection, name);
  }

  async *upload(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (!this.#offers(upload.uploadService, 'Pull')) throw fail('not-found', 'the client uploads nothing');
    const metadata = { urlpath: path, urlhost: uploadHost };
    const stream = this.#connection.client(upload.uploadService).Pull({ metadata, signal });
    stream.end();
    for await (const { data } of stream.messages) yield data;
  }

  sendFile(id: string, metadata: Readonly<Record<string, string>>, content: AsyncIterable<Uint8Array>): Promise<void> {
    return sendFileTo({ connection: this.#connection, id, metadata }, content, this.signal);
  }

  sendDirectory(
    id: string,
    metadata: Readonly<Record<string, string>>,
    directory: string,
    options: DirectoryTransfer,
  ): Promise<void> {
    return sendDirectoryTo({ connection: this.#connection, id, metadata }, { directory, ...options });
  }

  /** The client gets tokens itself: its password is asked for only where a registry takes nothing else. */
  #keeperFor(host: string): CredentialKeeper {
    const tokens = new Map<string, { readonly token: string; readonly expiresAtMs: number }>();
    return {
      token: async ({ realm, service, scopes, fresh }, signal) => {
        const key = JSON.stringify([realm, service, scopes]);
        const known = tokens.get(key);
        if (known !== undefined && !fresh && known.expiresAtMs > Date.now()) return known.token;
        const asked = { clientId: 'buildkit-client', host, realm, service, scopes };
        try {
          const { token, expiresIn } = await this.#connection.client(auth.authService).FetchToken(asked, { signal });
          const lifeSeconds = Math.max(expiresIn, shortestTokenLifeSeconds);
          tokens.set(key, { token, expiresAtMs: Date.now() + lifeSeconds * 1000 - tokenMarginMs });
          return token;
        } catch (error) {
          if (error instanceof GrpcError && error.code === statusCodes.unimplemented) return undefined;
          throw error;
        }
      },
      credentials: () => this.#passwordFor(host),
    };
  }

  #passwordFor(host: string): Promise<RegistryCredentials | undefined> {
    const known = this.#credentials.get(host) ?? this.#askCredentials(host);
    this.#credentials.set(host, known);
    // What failed once is asked for again.
    known.catch(() => this.#credentials.delete(host));
    return known;
  }

  async #askCredentials(host: string): Promise<RegistryCredentials | undefined> {
    if (!this.#offers(auth.authService, 'Credentials')) return undefined;
    try {
      const { username, secret } = await this.#connection.client(auth.authService).Credentials({ host });
      if (secret === '') return undefined;
      return username === '' ? { identitytoken: secret } : { username, password: secret };
    } catch (error) {
      if (isLack(error)) return undefined;
      throw error;
    }
  }

  /** Clients list what they serve; of one that lists nothing it shows when it is asked. */
  #offers(service: Service, method: string): boolean {
    const { methods } = this.#offer;
    const path = methodPath(service, method).toLowerCase();
    return methods.length === 0 || methods.some((offered) => offered.toLowerCase() === path);
  }
}

function isLack(error: unknown): boolean {
  return (
    error instanceof GrpcError && (error.code === statusCodes['not-found'] || error.code === statusCodes.unimplemented)
  );
}
