import type { ContainerInspect, EndpointSettings, ImageInspectConfig } from '#api';

/** What a command line is worked out from. */
export interface Seen {
  readonly container: ContainerInspect;
  /** What the image says by itself; empty when it is no longer there. */
  readonly image: ImageInspectConfig;
  /** What the engine takes where nothing is said. */
  readonly engine: {
    readonly name: string;
    readonly logDriver: string;
    readonly runtime: string;
    readonly cgroupns: string;
  };
  /** The container is detached from. */
  readonly detached: boolean;
}

/** Whether two values of JSON are the same; what is absent, null or empty is alike. */
export function same(one: unknown, other: unknown): boolean {
  const text = (value: unknown): string => {
    const found = JSON.stringify(value ?? null);
    return ['[]', '{}', '""'].includes(found) ? 'null' : found;
  };
  return text(one) === text(other);
}

/** Entries of a record that another does not have with the same value. */
export function beyond<T>(
  record: Readonly<Record<string, T>> | null | undefined,
  other: Readonly<Record<string, T>> | null | undefined,
): (readonly [string, T])[] {
  return Object.entries(record ?? {}).filter(([key, value]) => !same(other?.[key], value) || !(key in (other ?? {})));
}

/** `key=value` texts. */
export function pairTexts(record: Readonly<Record<string, string>> | null | undefined): string[] {
  return Object.entries(record ?? {}).map(([key, value]) => `${key}=${value}`);
}

/** The networks of the container by name, that of the network mode first. */
export function networksOf({ container }: Seen): readonly (readonly [string, EndpointSettings])[] {
  const mode = container.HostConfig.NetworkMode;
  const named = Object.entries(container.NetworkSettings.Networks);
  const isFirst = ([name, { NetworkID }]: readonly [string, EndpointSettings]): boolean =>
    name === mode || NetworkID === mode;
  return [...named.filter(isFirst), ...named.filter((each) => !isFirst(each))];
}

/** Whether people made the network: only there have flags beside `--network` a say. */
export function isUserDefined(mode: string): boolean {
  return !['default', 'bridge', 'host', 'none', ''].includes(mode) && !mode.startsWith('container:');
}
