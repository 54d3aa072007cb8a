import type { worker } from '#build-api';
import type { Written } from '#grpc';
import { hostPlatform, type Platform } from '#oci';

type WorkerRecord = Written<typeof worker.workerRecord>;

export interface WorkerParts {
  /** Names this engine; stays the same. */
  readonly id: string;
  readonly version: string;
  /** The address that `host-gateway` stands for. */
  readonly hostGateway: () => string;
  /** What can be built for, this machine's own first. */
  readonly platforms: () => Promise<readonly Platform[]>;
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

  async list(): Promise<readonly WorkerRecord[]> {
    const { id, hostGateway, platforms, gcPolicies } = this.parts;
    const labels = new Map([
      ['org.mobyproject.buildkit.worker.executor', 'estiba'],
      ['org.mobyproject.buildkit.worker.snapshotter', 'overlayfs'],
      ['org.mobyproject.buildkit.worker.moby.host-gateway-ip', hostGateway()],
    ]);
    const supported = await platforms();
    return [
      {
        id,
        labels,
        platforms: supported.length > 0 ? supported : [hostPlatform()],
        gcPolicy: gcPolicies(),
        buildkitVersion: this.version(),
      },
    ];
  }
}
