import type { BuildContext } from '#builder';
import { digestOf } from '#oci';
import { newId } from '#std/identifiers';
import { formatTime, nowNs } from '#std/time';

const prefix = 'attest:';
/** What clients ask for without anybody having asked them, or do not want after all. */
const unwanted = /(?:^|,)(?:inline-only|disabled)=(?:true|1)(?:,|$)/i;

/** The attestations that a build asks for (`attest:sbom`, `attest:provenance`). */
export function attestationsOf(options: ReadonlyMap<string, string>): string[] {
  return [...options]
    .filter(([name, value]) => name.startsWith(prefix) && value !== 'false' && !unwanted.test(value))
    .map(([name]) => name.slice(prefix.length));
}

/** Tells whoever asks for attestations that what is exported has none. */
export function warnOfAttestations(options: ReadonlyMap<string, string>, { onProgress }: BuildContext): void {
  for (const kind of attestationsOf(options)) {
    const at = formatTime(nowNs());
    const digest = digestOf(newId());
    const name = `[internal] attestation ${kind}`;
    const short = `attestations are not made by this engine: what is exported has no ${kind}`;
    onProgress({ type: 'vertex', digest, inputs: [], name, startedAt: at, completedAt: at });
    onProgress({ type: 'warning', vertex: digest, level: 1, short, detail: [], url: '', ranges: [] });
  }
}
