import type { Descriptor } from '#oci';
import { hostPlatform, type Platform, parsePlatform } from '../platform.ts';

/** Variants of arm, the newest first: each runs what is built for those after it. */
const armVariants = ['v8', 'v7', 'v6', 'v5'];

function variantOf({ architecture, variant }: { architecture?: string; variant?: string }): string {
  if (architecture === 'arm') return variant || 'v7';
  if (architecture === 'arm64') return variant || 'v8';
  if (architecture === 'amd64') return variant || 'v1';
  return variant ?? '';
}

/** As people write it: `linux/arm/v7`; what an architecture means anyway is left out. */
export function printPlatform({ os = '', architecture = '', variant = '' }: Partial<Platform>): string {
  const isImplied = (architecture === 'arm64' && variant === 'v8') || (architecture === 'amd64' && variant === 'v1');
  return [os, architecture, isImplied ? '' : variant].filter(Boolean).join('/');
}

/** The platform that is asked for, or this machine's. Throws `invalid-argument`. */
export function wantedPlatform(text: string | undefined): Platform {
  return text === undefined || text === '' ? hostPlatform() : parsePlatform(text);
}

/** What runs where `wanted` does, the best first: `architecture/variant`. */
function runnable(wanted: Platform): string[] {
  const variant = variantOf(wanted);
  const arm = (from: string): string[] => {
    const index = armVariants.indexOf(from);
    return (index === -1 ? [from] : armVariants.slice(index)).map((name) => `arm/${name}`);
  };
  switch (wanted.architecture) {
    case 'amd64': {
      const level = Number(/^v([1-9])$/.exec(variant)?.[1] ?? 1);
      return [...Array.from({ length: level }, (_, index) => `amd64/v${level - index}`), '386/'];
    }
    case 'arm':
      return arm(variant);
    case 'arm64':
      return [`arm64/${variant}`, ...(variant === 'v8' ? [] : ['arm64/v8']), ...arm('v8')];
    default:
      return [`${wanted.architecture}/${variant}`];
  }
}

function isAttestation({ annotations }: Descriptor): boolean {
  return annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
}

/** Of an index's manifests the one that runs best on `wanted`; of equal ones the first. Undefined when none does. */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const order = runnable(wanted);
  const ranked = manifests.flatMap((manifest) => {
    if (isAttestation(manifest)) return [];
    const { platform } = manifest;
    // One that does not say runs anywhere, but is nobody's first choice.
    if (platform?.architecture === undefined) return [{ manifest, rank: order.length }];
    if (platform.os !== wanted.os) return [];
    const rank = order.indexOf(`${platform.architecture}/${variantOf(platform)}`);
    return rank === -1 ? [] : [{ manifest, rank }];
  });
  ranked.sort((one, other) => one.rank - other.rank);
  return ranked[0]?.manifest;
}

/** Whether an image of this platform runs on `wanted`. */
export function runsOn(image: Partial<Platform>, wanted: Platform): boolean {
  const { os, architecture } = image;
  if (architecture === undefined || architecture === '') return true;
  return os === wanted.os && runnable(wanted).includes(`${architecture}/${variantOf(image)}`);
}
