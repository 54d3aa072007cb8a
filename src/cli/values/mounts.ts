import type { Mount } from '#api';
import { fail } from '#std/errors';
import { paths } from '../builtins.ts';
import type { Flag } from '../grammar/flag.ts';
import { csvFields } from './csv.ts';
import { parseBytes } from './sizes.ts';

function parseSwitch(key: string, value: string | undefined): boolean {
  if (value === undefined || value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw fail('invalid-argument', `invalid value for ${key}: ${value}`);
}

function bindRecursion(mount: Mount, value: string): void {
  mount.BindOptions ??= {};
  if (value === 'disabled') mount.BindOptions.NonRecursive = true;
  else if (value === 'writable') mount.BindOptions.ReadOnlyNonRecursive = true;
  else if (value === 'readonly') mount.BindOptions.ReadOnlyForceRecursive = true;
  else if (value !== 'enabled')
    throw fail(
      'invalid-argument',
      `invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
    );
}

/** Fields that are a switch: they may stand without a value. */
const switches: Readonly<Record<string, (mount: Mount, on: boolean) => void>> = {
  readonly: (mount, on) => {
    mount.ReadOnly = on;
  },
  'bind-nonrecursive': (mount, on) => {
    mount.BindOptions = { ...mount.BindOptions, NonRecursive: on };
  },
  'bind-create-src': (mount, on) => {
    mount.BindOptions = { ...mount.BindOptions, CreateMountpoint: on };
  },
  'volume-nocopy': (mount, on) => {
    mount.VolumeOptions = { ...mount.VolumeOptions, NoCopy: on };
  },
};

/** Fields that have a value. */
const fields: Readonly<Record<string, (mount: Mount, value: string) => void>> = {
  type: (mount, value) => {
    // Which types there are is the engine's to say.
    mount.Type = value.toLowerCase() as Mount['Type'];
  },
  source: (mount, value) => {
    mount.Source = value;
  },
  target: (mount, value) => {
    mount.Target = value;
  },
  consistency: (mount, value) => {
    mount.Consistency = value.toLowerCase();
  },
  'bind-propagation': (mount, value) => {
    mount.BindOptions = { ...mount.BindOptions, Propagation: value.toLowerCase() };
  },
  'bind-recursive': bindRecursion,
  'volume-subpath': (mount, value) => {
    mount.VolumeOptions = { ...mount.VolumeOptions, Subpath: value };
  },
  'image-subpath': (mount, value) => {
    mount.ImageOptions = { Subpath: value };
  },
  'volume-driver': (mount, value) => {
    mount.VolumeOptions ??= {};
    mount.VolumeOptions.DriverConfig = { ...mount.VolumeOptions.DriverConfig, Name: value };
  },
  'volume-label': (mount, value) => {
    mount.VolumeOptions ??= {};
    mount.VolumeOptions.Labels = { ...mount.VolumeOptions.Labels, ...pair(value) };
  },
  'volume-opt': (mount, value) => {
    mount.VolumeOptions ??= {};
    const config = mount.VolumeOptions.DriverConfig ?? {};
    mount.VolumeOptions.DriverConfig = { ...config, Options: { ...config.Options, ...pair(value) } };
  },
  'tmpfs-size': (mount, value) => {
    mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: tmpfsBytes(value) };
  },
  'tmpfs-mode': (mount, value) => {
    if (!/^[0-7]+$/.test(value)) throw fail('invalid-argument', `invalid value for tmpfs-mode: ${value}`);
    mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(value, 8) };
  },
};

function tmpfsBytes(value: string): number {
  try {
    return parseBytes(value);
  } catch (error) {
    throw fail('invalid-argument', `invalid value for tmpfs-size: ${value}`, error);
  }
}

const otherNames: Readonly<Record<string, string>> = {
  src: 'source',
  destination: 'target',
  dst: 'target',
  ro: 'readonly',
};

function pair(value: string): Record<string, string> {
  const equals = value.indexOf('=');
  return equals < 0 ? { [value]: '' } : { [value.slice(0, equals)]: value.slice(equals + 1) };
}

function validate(mount: Mount): void {
  const complain = (group: string, wanted: string): never => {
    throw fail('invalid-argument', `cannot mix '${group}-*' options with mount type '${mount.Type}'${wanted}`);
  };
  if (mount.Target === '') throw fail('invalid-argument', 'target is required');
  if (mount.VolumeOptions && mount.Type !== 'volume' && mount.Type !== 'cluster') complain('volume', '');
  if (mount.BindOptions && mount.Type !== 'bind') complain('bind', '');
  if (mount.TmpfsOptions && mount.Type !== 'tmpfs') complain('tmpfs', '');
  if (mount.ImageOptions && mount.Type !== 'image') complain('image', '');
  if (mount.ReadOnly) return;
  const { ReadOnlyNonRecursive, ReadOnlyForceRecursive } = mount.BindOptions ?? {};
  const recursion = ReadOnlyNonRecursive ? 'writable' : ReadOnlyForceRecursive ? 'readonly' : undefined;
  if (recursion !== undefined) {
    const message = `option 'bind-recursive=${recursion}' requires 'readonly' to be specified in conjunction`;
    throw fail('invalid-argument', message);
  }
}

/**
 * Reads one `--mount`: `type=bind,source=/a,target=/b,readonly`.
 * @throws `invalid-argument`
 */
export function parseMount(text: string): Mount {
  if (text === '') throw fail('invalid-argument', 'EOF');
  const mount: Mount = { Type: 'volume', Target: '' };
  for (const field of csvFields(text)) {
    const equals = field.indexOf('=');
    const given = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    const key = otherNames[given] ?? given;
    const setSwitch = switches[key];
    const setField = fields[key];
    if (setSwitch) setSwitch(mount, parseSwitch(key, value));
    else if (value === undefined) throw fail('invalid-argument', `invalid field '${field}' must be a key=value pair`);
    else if (setField) setField(mount, value);
    else throw fail('invalid-argument', `unexpected key '${given}' in '${field}'`);
  }
  validate(mount);
  if (mount.Type === 'bind' && mount.Source?.startsWith('.')) mount.Source = paths().resolve(mount.Source);
  return mount;
}

/** The `--mount` flag. */
export function mountFlag(summary: string): Flag<readonly Mount[]> {
  return { type: 'mount', summary, initial: [], parse: (value, before) => [...before, parseMount(value)] };
}

/** `--volume` values: those with a source are binds (a relative one made absolute), a lone path is a volume without a name. */
export function parseVolumes(values: readonly string[]): { binds: string[]; anonymous: string[] } {
  const binds: string[] = [];
  const anonymous: string[] = [];
  for (const value of values) {
    const colon = value.indexOf(':');
    if (value === '') throw fail('invalid-argument', 'invalid empty volume spec');
    if (colon < 0) anonymous.push(value);
    else if (value.startsWith('.')) binds.push(paths().resolve(value.slice(0, colon)) + value.slice(colon));
    else binds.push(value);
  }
  return { binds, anonymous };
}
