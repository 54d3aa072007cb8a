import type { Edge, FrontendOutput, FrontendResult } from '#builder';
import { hostPlatform, type Platform, parsePlatform, printPlatform } from '#oci';
import { fail } from '#std/errors';

/** A build's outcome as BuildKit's gateway passes it: file systems by platform, or one, and what is said of them. */
export interface GatewayResult {
  /** The one that has no name; undefined with `refs`, and for an empty file system. */
  readonly ref?: Edge | undefined;
  readonly refs?: ReadonlyMap<string, Edge | undefined>;
  readonly metadata: ReadonlyMap<string, Uint8Array>;
}

const configKey = 'containerimage.config';
const baseConfigKey = 'containerimage.base.config';
const platformsKey = 'refs.platforms';

interface PlatformEntry {
  readonly ID: string;
  readonly Platform: { os: string; architecture: string; variant?: string; 'os.version'?: string };
}

function entryOf(platform: Platform): PlatformEntry {
  const { os, architecture, variant, osVersion } = platform;
  const Platform = { architecture, os, ...(osVersion && { 'os.version': osVersion }), ...(variant && { variant }) };
  return { ID: printPlatform(platform), Platform };
}

/** What a frontend has made, as a client is told of it. */
export function gatewayResultOf({ outputs, isMultiPlatform, metadata }: FrontendResult): GatewayResult {
  const told = new Map(metadata);
  const entries = outputs.map((output) => ({ output, entry: entryOf(output.platform) }));
  const suffix = (id: string): string => (isMultiPlatform ? `/${id}` : '');
  for (const { output, entry } of entries) {
    if (output.config !== undefined) told.set(`${configKey}${suffix(entry.ID)}`, output.config);
    if (output.baseConfig !== undefined) told.set(`${baseConfigKey}${suffix(entry.ID)}`, output.baseConfig);
  }
  if (entries.length > 0) {
    const Platforms = entries.map(({ entry }) => entry);
    told.set(platformsKey, new TextEncoder().encode(JSON.stringify({ Platforms })));
  }
  if (!isMultiPlatform) return { ref: outputs[0]?.edge, metadata: told };
  return { refs: new Map(entries.map(({ output, entry }) => [entry.ID, output.edge])), metadata: told };
}

function entriesOf(metadata: ReadonlyMap<string, Uint8Array>): readonly PlatformEntry[] | undefined {
  const bytes = metadata.get(platformsKey);
  if (bytes === undefined) return undefined;
  try {
    const { Platforms } = JSON.parse(new TextDecoder().decode(bytes)) as { Platforms?: PlatformEntry[] };
    if (Array.isArray(Platforms) && Platforms.every((entry) => typeof entry?.ID === 'string')) return Platforms;
  } catch {}
  throw fail('invalid-argument', 'failed to parse platforms passed to exporter');
}

/** What an image's configuration says that it runs on. */
function configuredPlatform(config: Uint8Array | undefined): Platform {
  if (config === undefined) return hostPlatform();
  try {
    const { os, architecture, variant } = JSON.parse(new TextDecoder().decode(config)) as Record<string, unknown>;
    if (typeof os !== 'string' || typeof architecture !== 'string') return hostPlatform();
    return { os, architecture, ...(typeof variant === 'string' && variant !== '' && { variant }) };
  } catch (cause) {
    throw fail('invalid-argument', 'failed to parse the image configuration of a result', cause);
  }
}

function platformOf({ ID, Platform: said }: PlatformEntry): Platform {
  if (said === undefined) return parsePlatform(ID);
  const { os, architecture, variant } = said;
  const osVersion = said['os.version'];
  return { os, architecture, ...(variant && { variant }), ...(osVersion && { osVersion }) };
}

/** What a client has returned, as exporters take it: the inverse of `gatewayResultOf`. */
export function frontendResultOf(result: GatewayResult): FrontendResult {
  const { metadata, refs } = result;
  const rest = new Map([...metadata].filter(([key]) => !key.startsWith(configKey) && !key.startsWith(baseConfigKey)));
  rest.delete(platformsKey);
  const output = (edge: Edge | undefined, suffix: string, entry?: PlatformEntry): FrontendOutput => {
    const config = metadata.get(`${configKey}${suffix}`) ?? metadata.get(configKey);
    const baseConfig = metadata.get(`${baseConfigKey}${suffix}`);
    return {
      platform: entry === undefined ? configuredPlatform(config) : platformOf(entry),
      ...(edge !== undefined && { edge }),
      ...(config !== undefined && { config }),
      ...(baseConfig !== undefined && { baseConfig }),
    };
  };
  const entries = entriesOf(metadata);
  if (refs !== undefined) {
    if (entries === undefined && refs.size > 1) {
      throw fail('invalid-argument', 'unable to export multiple refs, missing platforms mapping');
    }
    // A map comes in any order; what the client asked for is said with the platforms.
    const named = (entries ?? []).map(({ ID }) => ID).filter((id) => refs.has(id));
    const outputs = [...new Set([...named, ...refs.keys()])].map((key) =>
      output(
        refs.get(key),
        `/${key}`,
        entries?.find(({ ID }) => ID === key),
      ),
    );
    return { outputs, isMultiPlatform: entries !== undefined, metadata: rest };
  }
  const isAnswer = result.ref === undefined && !metadata.has(configKey);
  return { outputs: isAnswer ? [] : [output(result.ref, '', entries?.[0])], isMultiPlatform: false, metadata: rest };
}
