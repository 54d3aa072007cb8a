import type { ContainerConfig } from '#api';
import { emptyConfig, type StageConfig } from '#dockerfile';
import { type HistoryEntry, type Platform, parseImageConfig, parseJsonObject } from '#oci';
import { goJson } from '#std/go-json';

/** What an image says of itself, as a stage begins with it. */
export interface BaseImage {
  readonly config: StageConfig;
  readonly isArgsEscaped: boolean;
  readonly history: readonly HistoryEntry[];
  readonly platform: Platform;
  readonly osFeatures?: readonly string[];
  /** The configuration file; undefined for `scratch`. */
  readonly content?: Uint8Array;
  /** Its digest, as the engine has it. */
  readonly id?: string;
  readonly created?: string;
}

/** What an image is made of, beside its layers. */
export type ImageDraft = Omit<BaseImage, 'content' | 'id' | 'created'>;

type Config = Partial<ContainerConfig>;

function environmentOf(list: readonly string[] | null | undefined): Map<string, string> {
  return new Map(
    (list ?? []).map((one) => {
      const split = one.indexOf('=');
      return split === -1 ? [one, ''] : [one.slice(0, split), one.slice(split + 1)];
    }),
  );
}

function healthcheckOf(health: Config['Healthcheck']): StageConfig['healthcheck'] {
  if (health === undefined || health === null) return undefined;
  const { Test = [], Interval = 0, Timeout = 0, StartPeriod = 0, StartInterval = 0, Retries = 0 } = health;
  return {
    test: Test,
    interval: Interval,
    timeout: Timeout,
    startPeriod: StartPeriod,
    startInterval: StartInterval,
    retries: Retries,
  };
}

const filled = (list: readonly string[] | null | undefined): readonly string[] | undefined =>
  list && list.length > 0 ? list : undefined;

function stageConfigOf(config: Config, author: string | undefined): StageConfig {
  const command = filled(config.Cmd);
  const entrypoint = filled(config.Entrypoint);
  const shell = filled(config.Shell);
  const healthcheck = healthcheckOf(config.Healthcheck);
  return {
    environment: environmentOf(config.Env),
    workingDirectory: config.WorkingDir ?? '',
    user: config.User ?? '',
    exposedPorts: new Set(Object.keys(config.ExposedPorts ?? {})),
    volumes: new Set(Object.keys(config.Volumes ?? {})),
    labels: new Map(Object.entries(config.Labels ?? {})),
    triggers: config.OnBuild ?? [],
    ...(command && { command }),
    ...(entrypoint && { entrypoint }),
    ...(shell && { shell }),
    ...(config.StopSignal && { stopSignal: config.StopSignal }),
    ...(healthcheck && { healthcheck }),
    ...(author && { author }),
  };
}

/** Reads an image's configuration file. Throws `invalid-argument` for one that is none. */
export function readBaseImage(content: Uint8Array, wanted: Platform): BaseImage {
  const raw = parseJsonObject(content, 'image JSON');
  // What has no layers may leave them out, as images of frontends do.
  const file = parseImageConfig(Buffer.from(JSON.stringify({ rootfs: { type: 'layers', diff_ids: [] }, ...raw })));
  const osVersion = typeof raw['os.version'] === 'string' ? raw['os.version'] : undefined;
  const features = Array.isArray(raw['os.features']) ? (raw['os.features'] as string[]) : undefined;
  return {
    config: stageConfigOf(file.config ?? {}, file.author),
    isArgsEscaped: file.config?.ArgsEscaped === true,
    history: file.history ?? [],
    platform: {
      os: file.os || wanted.os,
      architecture: file.architecture || wanted.architecture,
      ...(file.variant && { variant: file.variant }),
      ...(osVersion && { osVersion }),
    },
    ...(features && { osFeatures: features }),
    ...(file.created && { created: file.created }),
    content,
  };
}

/** What a stage begins with that is built on nothing. */
export function scratchImage(platform: Platform): BaseImage {
  return { config: emptyConfig, isArgsEscaped: false, history: [], platform };
}

/** Without members that Go leaves out: what is undefined, empty, zero or false. */
function withoutEmpty(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isEmpty = (value: unknown): boolean =>
    value === undefined ||
    value === '' ||
    value === 0 ||
    value === false ||
    (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

const byName = (one: string, other: string): number => Buffer.compare(Buffer.from(one), Buffer.from(other));
const asSet = (names: Iterable<string>): Record<string, object> =>
  Object.fromEntries([...names].sort(byName).map((name) => [name, {}]));

function printConfig(config: StageConfig, isArgsEscaped: boolean): Record<string, unknown> {
  const { healthcheck } = config;
  return withoutEmpty({
    User: config.user,
    ExposedPorts: asSet(config.exposedPorts),
    Env: [...config.environment].map(([name, value]) => `${name}=${value}`),
    Entrypoint: config.entrypoint,
    Cmd: config.command,
    Volumes: asSet(config.volumes),
    WorkingDir: config.workingDirectory,
    Labels: Object.fromEntries([...config.labels].sort(([one], [other]) => byName(one, other))),
    StopSignal: config.stopSignal,
    ArgsEscaped: isArgsEscaped,
    Healthcheck:
      healthcheck &&
      withoutEmpty({
        Test: healthcheck.test,
        Interval: healthcheck.interval,
        Timeout: healthcheck.timeout,
        StartPeriod: healthcheck.startPeriod,
        StartInterval: healthcheck.startInterval,
        Retries: healthcheck.retries,
      }),
    OnBuild: config.triggers,
    Shell: config.shell,
  });
}

/**
 * The configuration file as BuildKit writes it, its members in alphabetical order. It has no `rootfs`, and no times but those that are
 * known: who exports it puts in what the layers say.
 */
export function printImage(draft: ImageDraft, created?: string): Uint8Array {
  const { config, platform, history, osFeatures, isArgsEscaped } = draft;
  const file = withoutEmpty({
    architecture: platform.architecture,
    author: config.author,
    config: printConfig(config, isArgsEscaped),
    created,
    history,
    os: platform.os,
    'os.features': osFeatures,
    'os.version': platform.osVersion,
    variant: platform.variant,
  });
  return new TextEncoder().encode(goJson(file));
}
