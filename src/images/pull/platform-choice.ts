import { type Descriptor, hostPlatform, type Platform, parsePlatform, rankOnPlatform } from '#oci';

/** The platform that is asked for, or this machine's. Throws `invalid-argument`. */
export function wantedPlatform(text: string | undefined): Platform {
  return text === undefined || text === '' ? hostPlatform() : parsePlatform(text);
}

/** Whether it is no image, but says how one was built. */
export function isAttestation({ annotations }: Descriptor): boolean {
  return annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
}

/** Of an index's manifests the one that runs best on `wanted`; of equal ones the first. Undefined when none does. */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const ranked = manifests.flatMap((manifest) => {
    if (isAttestation(manifest)) return [];
    const { platform } = manifest;
    // One that does not say runs anywhere, but is nobody's first choice.
    if (platform?.architecture === undefined) return [{ manifest, rank: Number.MAX_SAFE_INTEGER }];
    const rank = rankOnPlatform(platform, wanted);
    return rank === undefined ? [] : [{ manifest, rank }];
  });
  ranked.sort((one, other) => one.rank - other.rank);
  return ranked[0]?.manifest;
}
