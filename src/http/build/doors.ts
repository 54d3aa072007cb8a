import type { Duplex } from 'node:stream';
import type { BuildSession } from '#builder';

/** What a client says of a session that it opens (`X-Docker-Expose-Session-*`). */
export interface SessionOffer {
  readonly id: string;
  readonly name: string;
  /** What the client's later builds share with this one; empty for nothing. */
  readonly sharedKey: string;
  /** Paths of the gRPC methods that it serves: `/moby.filesync.v1.FileSync/DiffCopy`. */
  readonly methods: readonly string[];
}

/** Takes a connection that has been upgraded, and resolves when it is over. Never rejects. */
export type TakeConnection = (connection: Duplex) => Promise<void>;

/** Who takes the connections of BuildKit's clients. */
export interface BuildDoors {
  /** Rejects with `invalid-argument` when a session of that id is there; else gives who takes it. */
  openSession(offer: SessionOffer): Promise<TakeConnection>;
  /**
   * A build of a session that speaks BuildKit (`POST /build?version=2`), or of what the request itself brought. Rejects with what is
   * wrong with the query.
   */
  buildOfSession(
    query: (name: string) => readonly string[],
    signal: AbortSignal,
    sent?: BuildSession,
  ): Promise<AsyncIterable<object>>;
  /** Ends the build of that id, when there is one. */
  cancelBuild(id: string): Promise<void>;
  /** Speaks gRPC as a server. */
  readonly serveGrpc: TakeConnection;
}
