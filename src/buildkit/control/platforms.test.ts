import { expect, test } from 'bun:test';
import { printPlatform } from '#oci';
import { supportedPlatforms } from './platforms.ts';

const v2 = 'cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3';
const v3 = 'avx avx2 bmi1 bmi2 f16c fma abm movbe xsave';

function platforms(architecture: string, flags: string, handlers: Record<string, string> = {}): string[] {
  const own = { os: 'linux', architecture };
  return supportedPlatforms({ own, flags: flags.split(' '), handlers }).map(printPlatform);
}

test('a machine runs its own platform, what its processors run, and what its kernel has emulators for', () => {
  expect(platforms('amd64', `${v2} ${v3}`)).toEqual(['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v3', 'linux/386']);
  expect(platforms('amd64', v3)).toEqual(['linux/amd64', 'linux/386']);
  const handlers = {
    'qemu-aarch64': 'enabled\ninterpreter /x',
    'qemu-riscv64': 'disabled\n',
    'qemu-x86_64': 'enabled',
    python: 'enabled',
  };
  expect(platforms('amd64', '', handlers)).toEqual(['linux/amd64', 'linux/386', 'linux/arm64']);
  expect(platforms('arm64', '', { 'qemu-x86_64': 'enabled\n' })).toEqual(['linux/arm64', 'linux/amd64']);
});
