import { fail } from '#std/errors';

/** What an image runs on, in Go's names. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64le' };
const aliases: Readonly<Record<string, { architecture: string; variant?: string }>> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};

/** The platform of this machine. */
export function hostPlatform(): Platform {
  return { os: 'linux', architecture: architectures[process.arch] ?? process.arch };
}

/** Parses `os[/architecture[/variant]]` or an architecture alone; throws `invalid-argument`. */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/');
  if (parts.length > 3 || !parts.every((part) => /^[a-z0-9_.-]+$/.test(part))) {
    throw fail('invalid-argument', `"${text}": unknown operating system or architecture: invalid argument`);
  }
  const [first = '', second, variant] = parts;
  if (second === undefined) {
    return first === 'linux' ? hostPlatform() : { os: 'linux', architecture: first, ...aliases[first] };
  }
  const alias = aliases[second] ?? { architecture: second };
  return { os: first, ...alias, ...(variant === undefined ? {} : { variant }) };
}

/** Whether what says so of itself runs on the platform; a variant that either does not tell fits any. */
export function matchesPlatform(
  found: { readonly os?: string; readonly architecture?: string; readonly variant?: string },
  wanted: Platform,
): boolean {
  if (found.os !== wanted.os || found.architecture !== wanted.architecture) return false;
  return !found.variant || !wanted.variant || found.variant === wanted.variant;
}
