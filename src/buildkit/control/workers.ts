import type { worker } from '#build-api';
import type { Written } from '#grpc';
import { supportedPlatforms } from './platforms.ts';

type WorkerRecord = Written<typeof worker.workerRecord>;

export interface WorkerParts {
  /** Names this engine; stays the same. */
  readonly id: string;
  readonly version: string;
  /** The address that `host-gateway` stands for. */
  readonly hostGateway: () => string;
  readonly gcPolicies: () => readonly Written<typeof worker.gcPolicy>[];
}

/** The version of BuildKit of which this engine speaks all that clients use; Docker 28.5's. */
const spokenVersion = 'v0.25.1';

/**
 * What builds here, as BuildKit's clients are told. That there is a snapshotter of containerd's is what buildx asks before it
 * believes that the engine exports `docker` and `oci`, exports caches, builds for several platforms and pushes itself.
 */
export class Workers {
  constructor(private readonly parts: WorkerParts) {}

  version(): Written<typeof worker.buildkitVersion> {
    const { version } = this.parts;
    return { package: 'github.com/moby/buildkit', version: `${spokenVersion}+estiba`, revision: version };
  }

  list(): readonly WorkerRecord[] {
    const { id, hostGateway, gcPolicies } = this.parts;
    const labels = new Map([
      ['org.mobyproject.buildkit.worker.executor', 'estiba'],
      ['org.mobyproject.buildkit.worker.snapshotter', 'overlayfs'],
      ['org.mobyproject.buildkit.worker.moby.host-gateway-ip', hostGateway()],
    ]);
    return [
      {
        id,
        labels,
        platforms: supportedPlatforms(),
        gcPolicy: gcPolicies(),
        buildkitVersion: this.version(),
      },
    ];
  }
}
