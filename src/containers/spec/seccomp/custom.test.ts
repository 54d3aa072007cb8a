import { expect, test } from 'bun:test';
import { customProfile } from './custom.ts';
import { seccompFilter } from './index.ts';

const context = { capabilities: ['CAP_KILL'], machine: 'x86_64', kernel: '6.1.0' } as const;
const allow = { action: 'SCMP_ACT_ALLOW' };

function names(rules: readonly object[]): string[] {
  const text = JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: rules });
  return customProfile(text, context)?.syscalls.flatMap((rule) => rule.names) ?? [];
}

test('rules are taken by capability, machine and kernel', () => {
  const kept = names([
    { ...allow, names: ['a'], includes: { caps: ['CAP_KILL'] } },
    { ...allow, names: ['b'], includes: { caps: ['CAP_SYS_ADMIN'] } },
    { ...allow, names: ['c'], excludes: { caps: ['CAP_KILL'] } },
    { ...allow, names: ['d'], includes: { arches: ['amd64', 'arm64'] } },
    { ...allow, names: ['e'], includes: { arches: ['s390x'] } },
    { ...allow, names: ['f'], includes: { minKernel: '4.8' } },
    { ...allow, names: ['g'], includes: { minKernel: '6.11' } },
    { ...allow, name: 'h' },
  ]);
  expect(kept).toEqual(['a', 'd', 'f', 'h']);
});

test('the map of machines gives this one and its companions', () => {
  const archMap = [
    { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] },
  ];
  expect(customProfile(JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', archMap }), context)?.architectures).toEqual([
    'SCMP_ARCH_X86_64',
    'SCMP_ARCH_X86',
  ]);
});

test('what is no profile is refused, an empty one filters nothing', () => {
  expect(() => customProfile('{', context)).toThrow('Decoding seccomp profile failed: ');
  expect(customProfile('{}', context)).toBeUndefined();
});

test('who has a filter', () => {
  const request = { capabilities: [], machines: ['x86_64'], kernel: '6.1.0' } as const;
  const has = (profile: string, privileged: boolean): string[] =>
    Object.keys(seccompFilter({ loadsPrograms: true, ...request, profile, privileged }));
  expect(has('builtin', false)).toEqual(['annotations']);
  expect(has('builtin', true)).toEqual([]);
  // A runtime that takes no program is given the same as rules.
  const { seccomp } = seccompFilter({ ...request, loadsPrograms: false, profile: 'builtin', privileged: false });
  expect([seccomp?.defaultAction, seccomp?.syscalls[0]?.names.includes('mount')]).toEqual(['SCMP_ACT_ERRNO', false]);
  expect(has('unconfined', false)).toEqual([]);
  expect(has('{"defaultAction":"SCMP_ACT_ALLOW"}', true)).toEqual(['seccomp']);
});
