import { readdirSync, readFileSync } from 'node:fs';
import { hostPlatform, type Platform } from '#oci';

const binfmtDirectory = '/proc/sys/fs/binfmt_misc';

/** Flags of processors that each level of amd64 has more than the one before (x86-64 psABI). */
const amd64Levels: readonly (readonly [variant: string, flags: readonly string[]])[] = [
  ['v2', ['cx16', 'lahf_lm', 'popcnt', 'sse4_1', 'sse4_2', 'ssse3']],
  ['v3', ['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'xsave']],
  ['v4', ['avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl']],
];

/** Architectures in QEMU's names, which handlers of foreign programs are called by. */
const emulated: Readonly<Record<string, Platform>> = {
  x86_64: { os: 'linux', architecture: 'amd64' },
  i386: { os: 'linux', architecture: '386' },
  aarch64: { os: 'linux', architecture: 'arm64' },
  arm: { os: 'linux', architecture: 'arm', variant: 'v7' },
  ppc64le: { os: 'linux', architecture: 'ppc64le' },
  s390x: { os: 'linux', architecture: 's390x' },
  riscv64: { os: 'linux', architecture: 'riscv64' },
  mips64el: { os: 'linux', architecture: 'mips64le' },
  mips64: { os: 'linux', architecture: 'mips64' },
  loongarch64: { os: 'linux', architecture: 'loong64' },
};

/** What is read of the machine. */
export interface Machine {
  readonly own: Platform;
  /** Flags of its first processor. */
  readonly flags: readonly string[];
  /** Contents of the files in binfmt_misc, by name. */
  readonly handlers: Readonly<Record<string, string>>;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function handlerNames(): string[] {
  try {
    return readdirSync(binfmtDirectory).filter((name) => name !== 'register' && name !== 'status');
  } catch {
    // Not mounted: nothing foreign runs here.
    return [];
  }
}

function thisMachine(): Machine {
  const [, flags = ''] = /^flags\s*:(.*)$/m.exec(read('/proc/cpuinfo')) ?? [];
  const handlers = handlerNames().map((name) => [name, read(`${binfmtDirectory}/${name}`)] as const);
  return { own: hostPlatform(), flags: flags.trim().split(' '), handlers: Object.fromEntries(handlers) };
}

/** What the machine runs by itself: its own platform, and what that one's processors run besides. */
function native({ own, flags }: Machine): Platform[] {
  if (own.architecture !== 'amd64') return [own];
  const levels: Platform[] = [];
  for (const [variant, needed] of amd64Levels) {
    if (!needed.every((flag) => flags.includes(flag))) break;
    levels.push({ ...own, variant });
  }
  return [own, ...levels, { os: 'linux', architecture: '386' }];
}

/** Platforms that steps can be run for, this machine's own first: those by an emulator where the kernel has a handler for it. */
export function supportedPlatforms(machine: Machine = thisMachine()): Platform[] {
  const platforms = native(machine);
  for (const [name, content] of Object.entries(machine.handlers)) {
    const platform = emulated[name.replace(/^qemu-/, '')];
    const isKnown = platforms.some(({ architecture }) => architecture === platform?.architecture);
    if (platform !== undefined && !isKnown && content.startsWith('enabled')) platforms.push(platform);
  }
  return platforms;
}
