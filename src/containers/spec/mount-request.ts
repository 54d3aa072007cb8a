import { posix } from 'node:path';
import type { Mount } from '#api';
import { fail, messageOf } from '#std/errors';

/** What a mount is to be like beyond what inspect shows of it; kept in the container's record for its starts. */
export interface MountOptions {
  /** A part of the volume or image, relative to its root. */
  readonly subpath?: string;
  /** A missing source on the host is made: `-v`, or `CreateMountpoint`. */
  readonly createSource?: true;
  /** Mounts below the source stay out. */
  readonly shallow?: true;
  /** `ReadOnlyNonRecursive`: mounts below the source stay writable. */
  readonly shallowReadOnly?: true;
  /** `ReadOnlyForceRecursive`: the start fails where they cannot be made read-only. */
  readonly deepReadOnly?: true;
  /** The propagation was asked for by name: the start fails where the host does not allow it. */
  readonly strictPropagation?: true;
  /** Options of a tmpfs over the defaults. */
  readonly tmpfs?: readonly string[];
  /** The image's content at this place is copied into the volume while that is empty. */
  readonly fill?: true;
  /** What an image mount shows: the image's id, and the name of the snapshot of it. */
  readonly image?: string;
  readonly snapshot?: string;
}

/** A mount as it was asked for, in whichever form, checked. */
export interface MountRequest {
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'image';
  /** Host path of a bind mount, name of a volume, reference of an image; empty for an anonymous volume and for a tmpfs. */
  readonly source: string;
  readonly destination: string;
  readonly readOnly: boolean;
  /** The text behind the second colon of `-v`, as inspect shows it. */
  readonly mode: string;
  /** Asked for by name; empty when nothing was said. */
  readonly propagation: string;
  readonly options: MountOptions;
  readonly labels?: Readonly<Record<string, string>>;
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
}

const propagations: ReadonlySet<string> = new Set(['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared']);

/** Which group a word of a mode belongs to; a mode has one word of each at most. */
function modeGroup(word: string): string | undefined {
  if (word === 'ro' || word === 'rw') return 'access';
  if (word === 'z' || word === 'Z') return 'label';
  if (word === 'nocopy') return 'copy';
  if (word === 'consistent' || word === 'cached' || word === 'delegated') return 'consistency';
  return propagations.has(word) ? 'propagation' : undefined;
}

/** Whether a text is a mode such as `ro,z`; the empty one is. */
export function isMountMode(mode: string): boolean {
  const groups = new Set<string>();
  for (const word of mode === '' ? [] : mode.split(',')) {
    const group = modeGroup(word);
    if (group === undefined || groups.has(group)) return false;
    groups.add(group);
  }
  return true;
}

/** Whether a mode lets write. */
export function isWritable(mode: string): boolean {
  return !mode.split(',').includes('ro');
}

function refuse(message: string): Error {
  return fail('invalid-argument', message);
}

function checkDestination(destination: string): string {
  if (destination === '') throw refuse('field Target must not be empty');
  const clean = posix.normalize(destination).replace(/(.)\/$/, '$1');
  if (clean === '/') throw refuse("invalid specification: destination can't be '/'");
  if (!posix.isAbsolute(clean)) {
    throw refuse(`invalid mount path: '${destination}' mount path must be absolute`);
  }
  return clean;
}

/** Checks the place of a `--tmpfs`, and returns it without detours; throws `invalid-argument`. */
export function tmpfsDestination(destination: string): string {
  if (destination === '') throw refuse("invalid mount path: '' mount path must be absolute");
  return checkDestination(destination);
}

/** The place of a volume that an image declares, without detours; a relative one is kept, as Docker does. */
export function declaredDestination(declared: string): string {
  return posix.normalize(declared).replace(/(.)\/$/, '$1');
}

function checkTmpfs({ Source, TmpfsOptions }: Mount): void {
  if (Source) throw refuse('field Source must not be specified');
  for (const option of (TmpfsOptions?.Options ?? []).map((words: string[] | null) => words ?? [])) {
    if (option.length !== 1 && option.length !== 2) throw refuse('invalid option array length');
    const [name = ''] = option;
    if ((name !== 'exec' && name !== 'noexec') || option.length !== 1) throw refuse(`invalid option: ${name}`);
  }
}

function checkBind({ Source = '', BindOptions }: Mount): void {
  if (Source === '') throw refuse('field Source must not be empty');
  const propagation = BindOptions?.Propagation ?? '';
  if (propagation !== '' && !propagations.has(propagation)) {
    throw refuse(`invalid propagation mode: ${propagation}`);
  }
  if (!posix.isAbsolute(Source)) throw refuse(`invalid mount path: '${Source}' mount path must be absolute`);
}

/** A subpath must be a path without a way out, as text; symbolic links are looked at when it is mounted. */
function checkSubpath(subpath: string): void {
  const clean = posix.normalize(subpath);
  if (posix.isAbsolute(clean) || clean === '..' || clean.startsWith('../')) {
    throw refuse('subpath must be a relative path within the volume');
  }
}

function checkVolume({ Source = '', ReadOnly, VolumeOptions }: Mount): void {
  const subpath = VolumeOptions?.Subpath ?? '';
  if (Source === '' && subpath !== '') throw refuse('must not set Subpath when using anonymous volumes');
  checkSubpath(subpath);
  if (Source === '' && ReadOnly) throw refuse('must not set ReadOnly mode when using anonymous volumes');
}

function checkImage({ Source = '', ImageOptions }: Mount): void {
  if (Source === '') throw refuse('field Source must not be empty');
  checkSubpath(ImageOptions?.Subpath ?? '');
}

const checks: Readonly<Record<MountRequest['type'], (mount: Mount) => void>> = {
  bind: checkBind,
  volume: checkVolume,
  tmpfs: checkTmpfs,
  image: checkImage,
};

function isKnownType(type: string): type is MountRequest['type'] {
  return Object.hasOwn(checks, type);
}

function tmpfsOptions({ TmpfsOptions }: Mount): string[] {
  const { Mode, SizeBytes, Options = [] } = TmpfsOptions ?? {};
  return [
    ...(Mode ? [`mode=${Mode.toString(8)}`] : []),
    ...(SizeBytes ? [`size=${SizeBytes}`] : []),
    ...Options.flatMap(([name]) => (name === undefined ? [] : [name])),
  ];
}

function optionsOf(mount: Mount): MountOptions {
  const { Type, BindOptions: bind, VolumeOptions: volume, ImageOptions: image } = mount;
  const subpath = Type === 'image' ? image?.Subpath : volume?.Subpath;
  const tmpfs = Type === 'tmpfs' ? tmpfsOptions(mount) : [];
  return {
    ...(subpath && { subpath }),
    ...(bind?.CreateMountpoint && { createSource: true as const }),
    ...(bind?.NonRecursive && { shallow: true as const }),
    ...(bind?.ReadOnlyNonRecursive && { shallowReadOnly: true as const }),
    ...(bind?.ReadOnlyForceRecursive && { deepReadOnly: true as const }),
    ...(bind?.Propagation && { strictPropagation: true as const }),
    ...(tmpfs.length > 0 && { tmpfs }),
    ...(Type === 'volume' && !volume?.NoCopy && { fill: true as const }),
  };
}

/** The checks of a mount in long form. The texts of its errors follow `invalid mount config for type "x": `. */
function requestOf(mount: Mount, mode: string): MountRequest {
  const { Type, Source = '', Target = '', BindOptions, VolumeOptions } = mount;
  if (!isKnownType(Type)) throw refuse('mount type unknown');
  const destination = checkDestination(Target);
  if (Type !== 'image' && mount.ImageOptions != null) throw refuse('field ImageOptions must not be specified');
  checks[Type](mount);
  const driver = VolumeOptions?.DriverConfig?.Name;
  const options = VolumeOptions?.DriverConfig?.Options;
  return {
    type: Type,
    source: Type === 'bind' ? posix.normalize(Source).replace(/(.)\/$/, '$1') : Source,
    destination,
    readOnly: Type === 'image' || (mount.ReadOnly ?? false),
    mode,
    propagation: BindOptions?.Propagation ?? '',
    options: optionsOf(mount),
    ...(VolumeOptions?.Labels && { labels: VolumeOptions.Labels }),
    ...(driver && { driver }),
    ...(options && { driverOptions: options }),
  };
}

function invalidConfig(type: string | undefined, reason: string): string {
  return `invalid mount config for type ${JSON.stringify(type ?? '')}: ${reason}`;
}

/** Options of one type of mount that were given to another. */
function checkOptionFields(mount: Mount): void {
  const own = { bind: 'BindOptions', volume: 'VolumeOptions', tmpfs: 'TmpfsOptions' };
  for (const [type, field] of Object.entries(own)) {
    if (type === mount.Type || mount[field as keyof Mount] == null) continue;
    throw fail('invalid-argument', `${field} must not be specified on mount type "${mount.Type}"`);
  }
}

/**
 * Checks a mount in long form (Engine API, Mount). `exists` tells whether a path is there: a bind mount's source must be,
 * unless it is to be made. Throws `invalid-argument` in Docker's words.
 */
export function parseMount(mount: Mount, exists: (path: string) => boolean): MountRequest {
  if (isKnownType(mount.Type)) checkOptionFields(mount);
  let request: MountRequest;
  try {
    request = requestOf(mount, '');
  } catch (error) {
    throw fail('invalid-argument', invalidConfig(mount.Type, messageOf(error)), error);
  }
  if (request.type === 'bind' && request.options.createSource !== true && !exists(request.source)) {
    throw fail('invalid-argument', invalidConfig('bind', `bind source path does not exist: ${request.source}`));
  }
  return request;
}

/**
 * Reads a mount in short form, `source:destination[:mode]`, or `destination` alone for an anonymous volume (Engine API,
 * HostConfig.Binds). Throws `invalid-argument` for a malformed one (Docker says the same and calls it its own failure).
 */
export function parseBind(text: string, volumeDriver: string): MountRequest {
  const invalid = `invalid volume specification: '${text}'`;
  const parts = text.split(':');
  const [first = '', second, mode = ''] = parts;
  if (first === '' || parts.length > 3 || (parts.length === 2 && isMountMode(second ?? ''))) {
    throw fail('invalid-argument', invalid);
  }
  if (!isMountMode(mode)) throw fail('invalid-argument', `invalid mode: ${mode}`);
  const source = second === undefined ? '' : first;
  const type = posix.isAbsolute(source) ? 'bind' : 'volume';
  const words = mode.split(',');
  const propagation = words.find((word) => propagations.has(word));
  const noCopy = words.includes('nocopy');
  try {
    if (type === 'volume' && propagation !== undefined) {
      throw refuse(invalidConfig(type, 'field BindOptions must not be specified'));
    }
    if (type === 'bind' && noCopy) {
      throw refuse(invalidConfig(type, 'field VolumeOptions must not be specified'));
    }
    const request = wrapConfig(type, () =>
      requestOf({ Type: type, Source: source, Target: second ?? first, ReadOnly: !isWritable(mode) }, mode),
    );
    return {
      ...request,
      propagation: propagation ?? '',
      options: {
        ...(type === 'bind' && { createSource: true as const }),
        ...(propagation !== undefined && { strictPropagation: true as const }),
        ...(type === 'volume' && !noCopy && { fill: true as const }),
      },
      ...(type === 'volume' && volumeDriver !== '' && { driver: volumeDriver }),
    };
  } catch (error) {
    throw fail('invalid-argument', `${invalid}: ${messageOf(error)}`, error);
  }
}

function wrapConfig<T>(type: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw fail('invalid-argument', invalidConfig(type, messageOf(error)), error);
  }
}
