import { fail } from '#std/errors';
import { type Flag, text } from '../grammar/flag.ts';

const systems = [
  'linux',
  'windows',
  'darwin',
  'freebsd',
  'netbsd',
  'openbsd',
  'solaris',
  'wasip1',
  'js',
  'plan9',
  'aix',
];
const architectures = ['amd64', 'arm64', 'arm', '386', 'ppc64le', 'ppc64', 's390x', 'riscv64', 'mips64le', 'loong64'];
const otherNames = ['x86_64', 'x86-64', 'aarch64', 'armhf', 'armel', 'i386', 'wasm'];

/**
 * Checks `os[/arch[/variant]]`.
 * @throws `invalid-argument`, in docker's words
 */
export function checkPlatform(value: string): string {
  const parts = value.split('/');
  if (parts.length > 3 || parts.some((part) => !/^[A-Za-z0-9_.()-]+$/.test(part))) {
    throw fail('invalid-argument', `invalid platform: "${value}": cannot parse platform specifier: invalid argument`);
  }
  const [first = ''] = parts;
  const known = [...systems, ...architectures, ...otherNames].includes(first.toLowerCase());
  if (parts.length === 1 && !known) {
    throw fail('invalid-argument', `"${value}": unknown operating system or architecture: invalid argument`);
  }
  return value;
}

/** The `--platform` flag. Whether it can be one is said by the command, and not as a matter of grammar. */
export const platformFlag = (summary: string, extra: { hidden?: boolean } = {}): Flag<string> =>
  text(summary, { ...extra, completes: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] });

/** The platform as the API's newer endpoints take it, undefined when none was asked for. */
export function apiPlatform(value: string): string | undefined {
  if (value === '') return undefined;
  const [os = '', architecture = '', variant = ''] = checkPlatform(value).split('/');
  return JSON.stringify({ architecture, os, ...(variant === '' ? {} : { variant }) });
}
