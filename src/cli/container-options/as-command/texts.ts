import type { DeviceMapping, DeviceRequest, EndpointSettings, Mount, PortBinding, ThrottleDevice, Ulimit } from '#api';

/** One field of a line of comma-separated values. */
const csvField = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

type Field = readonly [name: string, value: string | number | boolean | null | undefined];

/** `name=value,name=value`; what is empty is left out, and what is true is a name alone. */
function fieldsText(fields: readonly Field[]): string {
  return fields
    .filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false && value !== 0)
    .map(([name, value]) => csvField(value === true ? name : `${name}=${value}`))
    .join(',');
}

const pairsOf = (name: string, record: Readonly<Record<string, string>> | null | undefined): Field[] =>
  Object.entries(record ?? {}).map(([key, value]) => [name, value === '' ? key : `${key}=${value}`]);

/** A mount as `--mount` has it. */
export function mountText(mount: Mount): string {
  const { BindOptions: bind, VolumeOptions: volume, TmpfsOptions: tmpfs, ImageOptions: image } = mount;
  const recursion: readonly Field[] = [
    ['bind-recursive', bind?.NonRecursive ? 'disabled' : undefined],
    ['bind-recursive', bind?.ReadOnlyNonRecursive ? 'writable' : undefined],
    ['bind-recursive', bind?.ReadOnlyForceRecursive ? 'readonly' : undefined],
  ];
  return fieldsText([
    ['type', mount.Type],
    ['source', mount.Source],
    ['target', mount.Target],
    ['readonly', mount.ReadOnly],
    ['consistency', mount.Consistency === 'default' ? '' : mount.Consistency],
    ['bind-propagation', bind?.Propagation],
    ...recursion,
    ['bind-create-src', bind?.CreateMountpoint],
    ['volume-nocopy', volume?.NoCopy],
    ['volume-subpath', volume?.Subpath],
    ['volume-driver', volume?.DriverConfig?.Name],
    ...pairsOf('volume-opt', volume?.DriverConfig?.Options),
    ...pairsOf('volume-label', volume?.Labels),
    ['tmpfs-size', tmpfs?.SizeBytes],
    ['tmpfs-mode', tmpfs?.Mode?.toString(8)],
    ['image-subpath', image?.Subpath],
  ]);
}

/** A place in a network as `--network` has it; `flagged` when flags beside it say the rest. */
export function networkText(name: string, endpoint: EndpointSettings | undefined, flagged: boolean): string {
  const { IPAMConfig, Aliases, DriverOpts, GwPriority } = endpoint ?? {};
  const own: readonly Field[] = flagged
    ? []
    : [
        ...(Aliases ?? []).map((alias) => ['alias', alias] as const),
        ['ip', IPAMConfig?.IPv4Address],
        ['ip6', IPAMConfig?.IPv6Address],
        ...(IPAMConfig?.LinkLocalIPs ?? []).map((address) => ['link-local-ip', address] as const),
      ];
  const fields = fieldsText([...own, ...pairsOf('driver-opt', DriverOpts), ['gw-priority', GwPriority]]);
  return fields === '' ? name : `name=${name},${fields}`;
}

/** What `--publish` and its port have: `[[ip:]host:]container[/protocol]`. */
export function publishText(port: string, { HostIp, HostPort }: PortBinding): string {
  const ip = HostIp.includes(':') ? `[${HostIp}]` : HostIp;
  const host = ip === '' ? HostPort : `${ip}:${HostPort}`;
  return `${host === '' ? '' : `${host}:`}${portText(port)}`;
}

/** A port; TCP is what it is when nothing is said. */
export const portText = (port: string): string => port.replace(/\/tcp$/, '');

/** A device as `--device` has it. */
export function deviceText({ PathOnHost, PathInContainer, CgroupPermissions }: DeviceMapping): string {
  if (CgroupPermissions !== 'rwm' && CgroupPermissions !== '') {
    return `${PathOnHost}:${PathInContainer}:${CgroupPermissions}`;
  }
  return PathInContainer === PathOnHost ? PathOnHost : `${PathOnHost}:${PathInContainer}`;
}

/** Limits as `--ulimit` has them. */
export const ulimitText = ({ Name, Soft, Hard }: Ulimit): string =>
  `${Name}=${Soft === Hard ? Soft : `${Soft}:${Hard}`}`;

/** A rate as `--device-read-bps` and its like have it. */
export const throttleText = ({ Path, Rate }: ThrottleDevice): string => `${Path}:${Rate}`;

/** A request for devices as `--gpus` has it. */
export function gpusText({ Driver, Count, DeviceIDs, Capabilities, Options }: DeviceRequest): string {
  const capabilities = (Capabilities?.[0] ?? []).filter((name) => name !== 'gpu').join(',');
  const options = Object.entries(Options ?? {}).map(([key, value]) => `${key}=${value}`);
  const named = fieldsText([
    ['driver', Driver],
    ['count', Count === -1 ? 'all' : Count],
    ['device', DeviceIDs?.join(',')],
    ['capabilities', capabilities],
    ['options', options.map(csvField).join(',')],
  ]);
  return named === 'count=all' ? 'all' : named;
}

const units = [
  ['g', 1024 ** 3],
  ['m', 1024 ** 2],
  ['k', 1024],
] as const;

/** A size in the largest unit that it is a whole number of. */
export function bytesText(size: number): string {
  const unit = size > 0 ? units.find(([, bytes]) => size % bytes === 0) : undefined;
  return unit === undefined ? `${size}` : `${size / unit[1]}${unit[0]}`;
}

/** A word that a POSIX shell takes as it is. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
