import { capabilityNames } from '#api';
import { fail } from '#std/errors';

/** What a container has when nothing else is asked for. */
export const defaultCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

const known: ReadonlySet<string> = new Set(capabilityNames);
const all = 'ALL';

/** The names in a capability mask, as /proc/<pid>/status writes it (hexadecimal). */
export function capabilitiesOfMask(hexadecimal: string): string[] {
  const mask = BigInt(`0x${hexadecimal}`);
  return capabilityNames.filter((_, number) => (mask >> BigInt(number)) & 1n);
}

function normalize(names: readonly string[], field: string, available: ReadonlySet<string>): string[] {
  return names.map((name) => {
    const upper = name.toUpperCase();
    if (upper === all) return all;
    const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!known.has(full)) throw fail('invalid-argument', `invalid ${field}: unknown capability: "${full}"`);
    if (!available.has(full)) {
      throw fail(
        'invalid-argument',
        `invalid ${field}: capability not supported by your kernel or not available in the current environment: "${full}"`,
      );
    }
    return full;
  });
}

/** What of a container's host configuration decides about its capabilities. */
export interface CapabilityRequest {
  readonly CapAdd: readonly string[] | null;
  readonly CapDrop: readonly string[] | null;
  readonly Privileged: boolean;
}

/**
 * The capabilities of a container, never more than `available` (the engine's own). `ALL` in CapAdd is everything but
 * CapDrop; `ALL` in CapDrop leaves CapAdd only. Throws `invalid-argument` for names that are unknown or not available.
 */
export function resolveCapabilities(request: CapabilityRequest, available: readonly string[]): string[] {
  const own = new Set(available);
  const add = normalize(request.CapAdd ?? [], 'CapAdd', own);
  const drop = normalize(request.CapDrop ?? [], 'CapDrop', own);
  if (request.Privileged) return [...available];
  const without = (names: readonly string[]): string[] => names.filter((name) => !drop.includes(name));
  if (add.includes(all)) return without(available);
  if (drop.includes(all)) return add;
  const base = defaultCapabilities.filter((name) => own.has(name));
  return [...new Set([...without(base), ...add])];
}
