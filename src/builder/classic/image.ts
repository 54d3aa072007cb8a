import type { ContainerConfig } from '#api';
import type { StageConfig } from '#dockerfile';
import { digestOf, type HistoryEntry, type ImageConfigFile, type Platform } from '#oci';
import { goJson } from '#std/go-json';

/** An image as a step leaves it. */
export interface StepImage {
  readonly id: string;
  readonly content: Uint8Array;
  readonly file: ImageConfigFile;
  readonly chain: readonly string[];
  readonly parentId?: string;
}

export interface StepImageDraft {
  readonly config: StageConfig;
  readonly platform: Platform;
  readonly history: readonly HistoryEntry[];
  readonly created: string;
  readonly chain: readonly string[];
  readonly diffIds: readonly string[];
  /** Empty for none. */
  readonly parentId: string;
  /** What the step is said to have run. */
  readonly words: readonly string[];
  readonly isArgsEscaped: boolean;
  /** Of what ran; empty when nothing did. */
  readonly containerId: string;
  readonly version: string;
}

const asSet = (names: ReadonlySet<string>): Record<string, object> =>
  Object.fromEntries([...names].sort().map((name) => [name, {}]));

function healthOf(health: StageConfig['healthcheck']): ContainerConfig['Healthcheck'] {
  if (health === undefined) return undefined;
  const { test, interval, timeout, startPeriod, startInterval, retries } = health;
  return {
    Test: [...test],
    ...(interval > 0 && { Interval: interval }),
    ...(timeout > 0 && { Timeout: timeout }),
    ...(startPeriod > 0 && { StartPeriod: startPeriod }),
    ...(startInterval > 0 && { StartInterval: startInterval }),
    ...(retries > 0 && { Retries: retries }),
  };
}

/** A configuration in the order of Docker's own fields, with those that only a container has. */
function configOf({ config, parentId, isArgsEscaped }: StepImageDraft): Record<string, unknown> {
  const list = (words: readonly string[] | undefined): readonly string[] | null => (words?.length ? words : null);
  const { labels, volumes, exposedPorts, healthcheck, stopSignal, shell, triggers } = config;
  const health = healthOf(healthcheck);
  return {
    Hostname: '',
    Domainname: '',
    User: config.user,
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ...(exposedPorts.size > 0 && { ExposedPorts: asSet(exposedPorts) }),
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: [...config.environment].map(([name, value]) => `${name}=${value}`),
    Cmd: list(config.command),
    ...(health && { Healthcheck: health }),
    ...(isArgsEscaped && { ArgsEscaped: true }),
    Image: parentId,
    Volumes: volumes.size > 0 ? asSet(volumes) : null,
    WorkingDir: config.workingDirectory,
    Entrypoint: list(config.entrypoint),
    OnBuild: triggers.length > 0 ? triggers : null,
    Labels: labels.size > 0 ? Object.fromEntries([...labels].sort(([one], [other]) => (one < other ? -1 : 1))) : null,
    ...(stopSignal && { StopSignal: stopSignal }),
    ...(shell && { Shell: shell }),
  };
}

/** Makes the image of a step, as the classic builder writes it. Equal steps give equal images. */
export function stepImage(draft: StepImageDraft): StepImage {
  const { config, platform, history, created, chain, diffIds, parentId, words, containerId, version } = draft;
  const inner = configOf(draft);
  const file = {
    architecture: platform.architecture,
    ...(config.author && { author: config.author }),
    config: inner,
    ...(containerId !== '' && { container: containerId }),
    container_config: { ...inner, Hostname: containerId.slice(0, 12), Cmd: words },
    created,
    docker_version: version,
    history,
    os: platform.os,
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...(platform.variant && { variant: platform.variant }),
  };
  const content = new TextEncoder().encode(goJson(file));
  return {
    id: digestOf(content),
    content,
    // Its fields are those of a configuration file, made above.
    file: file as unknown as ImageConfigFile,
    chain,
    ...(parentId !== '' && { parentId }),
  };
}
