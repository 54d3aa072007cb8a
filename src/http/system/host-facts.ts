import { readFileSync } from 'node:fs';
import { availableParallelism, hostname, machine, release, totalmem } from 'node:os';
import type { HostFacts } from './types.ts';

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The variables of an os-release file (os-release(5)); quotes taken off. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const lines = text.matchAll(/^([A-Z_0-9]+)=(?:"([^"\n]*)"|'([^'\n]*)'|([^\n]*))$/gm);
  return new Map([...lines].map(([, key = '', double, single, bare]) => [key, double ?? single ?? bare ?? '']));
}

/** Reads what the machine says of itself; what it does not say is left empty. */
export function readHostFacts(): HostFacts {
  const fields = parseOsRelease(readText('/etc/os-release') || readText('/usr/lib/os-release'));
  const architectures: Record<string, string> = {
    x86_64: 'amd64',
    aarch64: 'arm64',
    riscv64: 'riscv64',
    armv7l: 'arm',
  };
  return {
    name: hostname(),
    kernelVersion: release(),
    operatingSystem: fields.get('PRETTY_NAME') ?? 'Linux',
    operatingSystemVersion: fields.get('VERSION_ID') ?? '',
    machine: machine(),
    architecture: architectures[machine()] ?? machine(),
    processors: availableParallelism(),
    memoryBytes: totalmem(),
    ipv4Forwarding: readText('/proc/sys/net/ipv4/ip_forward').trim() === '1',
  };
}
