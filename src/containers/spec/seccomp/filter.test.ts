import { expect, test } from 'bun:test';
import { defaultCapabilities } from '../capabilities.ts';
import { compileFilter } from './filter.ts';
import { type Machine, machines, syscallNumbers } from './numbers.ts';
import { defaultProfile } from './profile.ts';

const allowed = 0x7fff0000;
const killed = 0x80000000;
const notPermitted = 0x00050001;
const noSuchCall = 0x00050026;

/** Runs a filter as the kernel does; the answer, or an error for a program that is none. */
function run(program: Buffer, machine: number, number: number, args: readonly bigint[] = []): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(machine, 4);
  args.forEach((value, index) => {
    data.writeBigUInt64LE(value, 16 + 8 * index);
  });
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; ) {
    const code = program.readUInt16LE(at * 8);
    const value = program.readUInt32LE(at * 8 + 4);
    const jump = (condition: boolean): number => 1 + program.readUInt8(at * 8 + (condition ? 2 : 3));
    if (code === 0x06) return value;
    if (code === 0x20) {
      accumulator = data.readUInt32LE(value);
      at += 1;
    } else if (code === 0x05) at += 1 + value;
    else if (code === 0x15) at += jump(accumulator === value);
    else if (code === 0x35) at += jump(accumulator >= value);
    else if (code === 0x45) at += jump((accumulator & value) !== 0);
    else throw new Error(`instruction ${code.toString(16)}`);
  }
  throw new Error('ran over the end');
}

const both = ['x86_64', 'x86'] as const;

function filterFor(capabilities: readonly string[], list: readonly Machine[] = both): Buffer {
  return compileFilter(new Map(list.map((machine) => [machine, defaultProfile(machine, capabilities)])));
}

function ask(program: Buffer, name: string, ...args: number[]): number {
  const number = syscallNumbers('x86_64').get(name);
  if (number === undefined) throw new Error(name);
  return run(program, machines.x86_64, number, args.map(BigInt));
}

test('the search finds for every number what the profile says, on every machine', () => {
  for (const list of [both, ['aarch64', 'arm'] as const]) {
    const program = filterFor(defaultCapabilities, list);
    for (const machine of list) {
      const { rules } = defaultProfile(machine, defaultCapabilities);
      for (let number = 0; number < 600; number++) {
        const rule = rules.get(number);
        const expected = rule === 'allow' ? allowed : number > 466 ? noSuchCall : notPermitted;
        if (typeof rule !== 'object')
          expect([number, run(program, machines[machine], number)]).toEqual([number, expected]);
      }
    }
  }
});

test('a program of another machine dies, and the numbers of x32 are unknown', () => {
  const program = filterFor(defaultCapabilities);
  expect(run(program, machines.aarch64, 0)).toBe(killed);
  expect(run(program, machines.x86_64, 0x40000000)).toBe(noSuchCall);
  expect(run(program, machines.x86_64, -1)).toBe(noSuchCall);
  expect(run(program, machines.x86, 102)).toBe(allowed);
});

test('arguments decide: namespaces, families, personalities', () => {
  const program = filterFor(defaultCapabilities);
  expect(ask(program, 'clone', 0x1200011)).toBe(allowed);
  for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]) {
    expect(ask(program, 'clone', flag | 17)).toBe(notPermitted);
  }
  expect(ask(program, 'clone3')).toBe(noSuchCall);
  expect(ask(program, 'socket', 2)).toBe(allowed);
  expect(ask(program, 'socket', 40)).toBe(notPermitted);
  // The kernel looks at 32 bits of a family: more of them must not lead past the filter.
  expect(run(program, machines.x86_64, 41, [0x1_0000_0028n])).toBe(notPermitted);
  for (const value of [0, 8, 0x20000, 0x20008, 0xffffffff]) expect(ask(program, 'personality', value)).toBe(allowed);
  expect(ask(program, 'personality', 0x40000)).toBe(notPermitted);
});

test('capabilities open calls, and only theirs', () => {
  const plain = filterFor(defaultCapabilities);
  const admin = filterFor([...defaultCapabilities, 'CAP_SYS_ADMIN']);
  for (const name of ['mount', 'umount2', 'unshare', 'setns', 'bpf', 'fsopen', 'perf_event_open']) {
    expect([name, ask(plain, name)]).toEqual([name, notPermitted]);
    expect([name, ask(admin, name)]).toEqual([name, allowed]);
  }
  expect(ask(admin, 'clone', 0x10000000)).toBe(allowed);
  expect(ask(admin, 'clone3')).toBe(allowed);
  expect(ask(admin, 'reboot')).toBe(notPermitted);
  expect(ask(filterFor(['CAP_SYS_BOOT']), 'reboot')).toBe(allowed);
  expect(ask(filterFor(['CAP_BPF']), 'bpf')).toBe(allowed);
  expect(ask(plain, 'chroot')).toBe(allowed);
  expect(ask(filterFor([]), 'chroot')).toBe(notPermitted);
  expect(ask(filterFor(['CAP_SYS_TIME']), 'settimeofday')).toBe(allowed);
});

test('calls that nobody gets: keyrings, kexec, io_uring, userfaultfd', () => {
  const program = filterFor([...defaultCapabilities, 'CAP_SYS_ADMIN', 'CAP_SYS_BOOT', 'CAP_SYS_PTRACE']);
  for (const number of [246, 248, 249, 250, 320, 323, 425, 426, 427]) {
    expect([number, run(program, machines.x86_64, number)]).toEqual([number, notPermitted]);
  }
});

test('the program is small: the kernel checks it at every start', () => {
  expect(filterFor(defaultCapabilities).length / 8).toBeLessThan(500);
});
