import type { Builder, BuildSession } from '#builder';
import type { Implementation } from '#grpc';
import type { Records } from '#store';
import { Builds } from './control/builds.ts';
import { type ClassicMessage, type ClassicQuery, classicBuild } from './control/classic.ts';
import { controlServices } from './control/service.ts';
import type { FindSession, SolveParts } from './control/solve.ts';
import { type WorkerParts, Workers } from './control/workers.ts';
import { gatewayService } from './gateway/service.ts';
import { History } from './history/history.ts';
import { EdgeBook } from './llb/edge-book.ts';

export interface BuildkitParts {
  readonly records: Records;
  /** The builder, which is loaded when somebody first builds. */
  readonly builder: () => Promise<Builder>;
  readonly sessions: FindSession;
  readonly worker: WorkerParts;
}

/** BuildKit's face of the builder. */
export interface Buildkit {
  /** What is served over `POST /grpc`. */
  readonly services: readonly Implementation[];
  /** Answers `POST /build?version=2`; throws before the first line for what is wrong with the query. */
  classicBuild(query: ClassicQuery, signal: AbortSignal, sent?: BuildSession): AsyncIterable<ClassicMessage>;
  /** Ends the build of that reference, if there is one. */
  cancel(ref: string): void;
  /** Ends all builds, and waits for what is left to be said of them. */
  close(): Promise<void>;
}

/** Opens it over the records; builds that an engine left in the midst are closed in the history. */
export function openBuildkit({ records, builder, sessions, worker }: BuildkitParts): Buildkit {
  const builds = new Builds();
  const parts: SolveParts = {
    builder,
    sessions,
    builds,
    history: new History(records),
    book: new EdgeBook(),
    workers: new Workers(worker),
  };
  return {
    services: [...controlServices(parts), gatewayService(builds)],
    classicBuild: (query, signal, sent) => classicBuild(parts, query, signal, sent),
    cancel: (ref) => builds.get(ref)?.cancel(),
    close: () => builds.cancelAll(),
  };
}
