import type { Duplex } from 'node:stream';
import { duplexOf } from '../transport/duplex.ts';
import type { EngineClient } from '../transport/engine-client.ts';

/** What an engine is told of a session before it asks anything of it. */
export interface SessionOffer {
  readonly id: string;
  readonly name: string;
  /** Builds with the same key have the same files: the engine then needs only what changed. */
  readonly sharedKey: string;
  /** Paths of the methods that are offered: `/moby.filesync.v1.FileSync/DiffCopy`. */
  readonly methods: readonly string[];
}

/** `POST /session`: a connection over which the engine asks us, in gRPC. Ours is the server's side. */
export async function openSession(engine: EngineClient, offer: SessionOffer): Promise<Duplex> {
  const { connection } = await engine.hijack(
    {
      method: 'POST',
      path: '/session',
      headers: {
        'X-Docker-Expose-Session-Uuid': offer.id,
        'X-Docker-Expose-Session-Name': offer.name,
        'X-Docker-Expose-Session-Sharedkey': offer.sharedKey,
        'X-Docker-Expose-Session-Grpc-Method': offer.methods,
      },
    },
    'h2c',
  );
  return duplexOf(connection);
}

/** `POST /grpc`: a connection over which we ask the engine's builder, in gRPC. */
export async function openBuildControl(engine: EngineClient): Promise<Duplex> {
  const { connection } = await engine.hijack({ method: 'POST', path: '/grpc' }, 'h2c');
  return duplexOf(connection);
}
