import { fail } from '#std/errors';

/** What an image runs on, in Go's names. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
}

const hostArchitectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64le' };
const systems = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos'.split(
    ' ',
  ),
);
const architectures = new Set(
  [
    '386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le',
    'ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm',
  ].flatMap((line) => line.split(' ')),
);
/** Other names of architectures; some say the variant too. */
const aliases: Readonly<Record<string, { readonly architecture: string; readonly variant?: string }>> = {
  i386: { architecture: '386' },
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};
/** What a variant means that an architecture has anyway, and how else one may be written. */
const variants: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  amd64: { v1: '' },
  arm64: { 8: '', v8: '' },
  arm: { '': 'v7', 5: 'v5', 6: 'v6', 7: 'v7', 8: 'v8' },
  386: {},
};
/** Variants of arm, the newest first: each runs what is built for those after it. */
const armVariants = ['v8', 'v7', 'v6', 'v5'];

/** containerd's pattern of the first part, as its errors show it. */
const systemPattern = String.raw`^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$`;
const partPattern = '^[A-Za-z0-9_.-]+$';

/** The platform of this machine. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: hostArchitectures[process.arch] ?? process.arch };
}

/** One name for what has several: architecture and variant in lower case, what an architecture means anyway left out. */
function normalArchitecture(architecture: string, variant = ''): { architecture: string; variant: string } {
  const name = architecture.toLowerCase();
  const alias = aliases[name];
  const known = alias?.architecture ?? name;
  const given = alias?.variant ?? variant.toLowerCase();
  return { architecture: known, variant: known === '386' ? '' : (variants[known]?.[given] ?? given) };
}

function normalSystem(os: string): string {
  const name = os.toLowerCase();
  return name === 'macos' ? 'darwin' : name;
}

function withVariant(os: string, architecture: string, variant: string): Platform {
  return { os, architecture, ...(variant !== '' && { variant }) };
}

/** Parses `os[(version)][/architecture[/variant]]` or an architecture alone; throws `invalid-argument` in containerd's words. */
export function parsePlatform(text: string): Platform {
  const wrong = (what: string): Error => fail('invalid-argument', `${what}: invalid argument`);
  const quoted = JSON.stringify(text);
  const [first = '', second, third, ...more] = text.split('/');
  const [, named, osVersion] = new RegExp(systemPattern).exec(first) ?? [];
  if (named === undefined) {
    const must = `OSAndVersion specifier component must match ${JSON.stringify(systemPattern)}`;
    throw wrong(`${JSON.stringify(first)} is an invalid OS component of ${quoted}: ${must}`);
  }
  for (const part of [second, third, ...more]) {
    if (part === undefined || new RegExp(partPattern).test(part)) continue;
    const must = `platform specifier component must match ${JSON.stringify(partPattern)}`;
    throw wrong(`${JSON.stringify(part)} is an invalid component of ${quoted}: ${must}`);
  }
  if (more.length > 0) throw wrong(`${quoted}: cannot parse platform specifier`);
  const os = normalSystem(named);
  const version = osVersion ? { osVersion } : {};
  if (second === undefined) {
    if (systems.has(os)) return { ...hostPlatform(), os, ...version };
    const { architecture, variant } = normalArchitecture(first);
    if (!architectures.has(architecture)) throw wrong(`${quoted}: unknown operating system or architecture`);
    return withVariant('linux', architecture, architecture === 'arm' && variant === 'v7' ? '' : variant);
  }
  const { architecture, variant } = normalArchitecture(second, third);
  if (third === undefined) {
    return { ...withVariant(os, architecture, architecture === 'arm' && variant === 'v7' ? '' : variant), ...version };
  }
  return { ...withVariant(os, architecture, architecture === 'arm64' && variant === '' ? 'v8' : variant), ...version };
}

/** As people write it: `linux/arm/v7`. */
export function printPlatform({ os = '', architecture = '', variant = '', osVersion = '' }: Partial<Platform>): string {
  return [osVersion === '' ? os : `${os}(${osVersion})`, architecture, variant].filter(Boolean).join('/');
}

/** Whether two are the same platform, however they are written. */
export function isSamePlatform(one: Partial<Platform>, other: Partial<Platform>): boolean {
  const left = normalArchitecture(one.architecture ?? '', one.variant);
  const right = normalArchitecture(other.architecture ?? '', other.variant);
  const isSameSystem = normalSystem(one.os ?? '') === normalSystem(other.os ?? '');
  return isSameSystem && left.architecture === right.architecture && left.variant === right.variant;
}

/** What runs where `wanted` does, the best first: `architecture/variant`. */
function runnable(wanted: Partial<Platform>): string[] {
  const { architecture, variant } = normalArchitecture(wanted.architecture ?? '', wanted.variant);
  const arm = (from: string): string[] => {
    const index = armVariants.indexOf(from);
    return (index === -1 ? [from] : armVariants.slice(index)).map((name) => `arm/${name}`);
  };
  switch (architecture) {
    case 'amd64': {
      const level = Number(/^v([1-9])$/.exec(variant)?.[1] ?? 1);
      return [...Array.from({ length: level - 1 }, (_, index) => `amd64/v${level - index}`), 'amd64/', '386/'];
    }
    case 'arm':
      return arm(variant);
    case 'arm64':
      return [...(variant === '' ? [] : [`arm64/${variant}`]), 'arm64/', ...arm('v8')];
    default:
      return [`${architecture}/${variant}`];
  }
}

/** How well what says so of itself runs on `wanted`: 0 is best; undefined when it does not. */
export function rankOnPlatform(found: Partial<Platform>, wanted: Partial<Platform>): number | undefined {
  if (normalSystem(found.os ?? '') !== normalSystem(wanted.os ?? '')) return undefined;
  const { architecture, variant } = normalArchitecture(found.architecture ?? '', found.variant);
  const rank = runnable(wanted).indexOf(`${architecture}/${variant}`);
  return rank === -1 ? undefined : rank;
}

/** Whether an image of this platform runs on `wanted`; one that does not say runs anywhere. */
export function runsOn(image: Partial<Platform>, wanted: Partial<Platform>): boolean {
  return !image.architecture || rankOnPlatform(image, wanted) !== undefined;
}
