import { posix } from 'node:path';
import type { Mount } from '#api';
import { fail, messageOf } from '#std/errors';

/** A mount as it was asked for, in whichever form, checked. */
export interface MountRequest {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  /** Host path of a bind mount, name of a volume; empty for an anonymous volume and for a tmpfs. */
  readonly source: string;
  readonly destination: string;
  readonly readOnly: boolean;
  /** The text behind the second colon of `-v`, as inspect shows it. */
  readonly mode: string;
  /** Asked for by name; empty when nothing was said. */
  readonly propagation: string;
  readonly noCopy: boolean;
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
  return checkDestination(destination);
}

function checkTmpfs({ Source, TmpfsOptions }: Mount): void {
  if (Source) throw refuse('field Source must not be specified');
  for (const option of TmpfsOptions?.Options ?? []) {
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

function checkVolume({ Source = '', ReadOnly, VolumeOptions }: Mount): void {
  const subpath = VolumeOptions?.Subpath ?? '';
  if (Source === '' && subpath !== '') throw refuse('must not set Subpath when using anonymous volumes');
  if (Source === '' && ReadOnly) throw refuse('must not set ReadOnly mode when using anonymous volumes');
  if (posix.isAbsolute(subpath) || posix.normalize(subpath).startsWith('..')) {
    throw refuse('subpath must be a relative path within the volume');
  }
}

/** The checks of a mount in long form. The texts of its errors follow `invalid mount config for type "x": `. */
function requestOf(mount: Mount, mode: string): MountRequest {
  const { Type, Source = '', Target = '', BindOptions, VolumeOptions } = mount;
  if (Type !== 'bind' && Type !== 'volume' && Type !== 'tmpfs') throw refuse('mount type unknown');
  const destination = checkDestination(Target);
  if (Type === 'bind') checkBind(mount);
  else if (Type === 'volume') checkVolume(mount);
  else checkTmpfs(mount);
  const driver = VolumeOptions?.DriverConfig?.Name;
  const options = VolumeOptions?.DriverConfig?.Options;
  return {
    type: Type,
    source: Type === 'bind' ? posix.normalize(Source).replace(/(.)\/$/, '$1') : Source,
    destination,
    readOnly: mount.ReadOnly ?? false,
    mode,
    propagation: BindOptions?.Propagation ?? '',
    noCopy: VolumeOptions?.NoCopy ?? false,
    ...(VolumeOptions?.Labels && { labels: VolumeOptions.Labels }),
    ...(driver && { driver }),
    ...(options && { driverOptions: options }),
  };
}

function invalidConfig(type: string, reason: string): string {
  return `invalid mount config for type ${JSON.stringify(type)}: ${reason}`;
}

/** Options of one type of mount that were given to another. */
function checkOptionFields(mount: Mount): void {
  const own = { bind: 'BindOptions', volume: 'VolumeOptions', tmpfs: 'TmpfsOptions', image: 'ImageOptions' };
  for (const [type, field] of Object.entries(own)) {
    if (type === mount.Type || mount[field as keyof Mount] == null) continue;
    throw fail('invalid-argument', `${field} must not be specified on mount type "${mount.Type}"`);
  }
}

/**
 * Checks a mount in long form (Engine API, Mount). `exists` tells whether a path is there: a bind mount's source must be,
 * unless it is to be made. Throws `invalid-argument` in Docker's words, `not-implemented` for what Estiba has not.
 */
export function parseMount(mount: Mount, exists: (path: string) => boolean): MountRequest {
  if (mount.Type === 'image') throw fail('not-implemented', 'mounts of type "image" are not supported');
  if (mount.Type === 'bind' || mount.Type === 'volume' || mount.Type === 'tmpfs') checkOptionFields(mount);
  let request: MountRequest;
  try {
    request = requestOf(mount, '');
  } catch (error) {
    throw fail('invalid-argument', invalidConfig(mount.Type, messageOf(error)), error);
  }
  if (mount.VolumeOptions?.Subpath) throw fail('not-implemented', 'volume subpaths are not supported');
  if (request.type === 'bind' && mount.BindOptions?.CreateMountpoint !== true && !exists(request.source)) {
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
      noCopy,
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
