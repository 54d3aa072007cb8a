import { digestOf, hostPlatform, rankOnPlatform } from '#oci';
import { fail } from '#std/errors';
import { type Attributes, booleanOf, namesOf, type TargetName } from './attributes.ts';
import { configOf, type ImageOptions, imageOptionsOf, packingsOf, platformNames } from './packed-image.ts';
import type { Export, ExportedOutput, Exporter } from './parts.ts';
import { pushImage } from './push.ts';

/** Of several platforms the one that this host runs; alone, any. */
function outputFor(outputs: readonly ExportedOutput[]): ExportedOutput | undefined {
  const [only, ...others] = outputs;
  if (others.length === 0) return only;
  const host = hostPlatform();
  const ranked = outputs
    .map((output) => ({ output, rank: rankOnPlatform(output.platform, host) }))
    .filter(({ rank }) => rank !== undefined)
    .sort((one, other) => (one.rank ?? 0) - (other.rank ?? 0));
  return ranked[0]?.output;
}

function noneFits(outputs: readonly ExportedOutput[]): Error {
  if (outputs.length === 0) return fail('invalid-argument', 'nothing to export');
  const text = `none of ${platformNames(outputs)} runs here: push it, or use type=oci, to have them all`;
  return fail('invalid-argument', `exporting multiple references to image store is currently unsupported: ${text}`);
}

/** The layers that go into the engine; with other times they are others. Whoever calls releases what it gets beside the chain. */
async function layersFor(
  request: Export,
  output: ExportedOutput,
  options: ImageOptions,
): Promise<{ chain: readonly string[]; made: string[] }> {
  const { builds } = request.parts;
  const packings = packingsOf(output, options);
  if (packings.every(({ modifiedLimitSeconds }) => modifiedLimitSeconds === undefined))
    return { chain: output.chain, made: [] };
  const chain: string[] = [];
  const made: string[] = [];
  try {
    for (const [index, chainId] of output.chain.entries()) {
      const packing = packings[index];
      if (packing?.modifiedLimitSeconds === undefined) {
        chain.push(chainId);
        continue;
      }
      const packed = await builds.pack(
        chainId,
        {
          compression: 'none',
          modifiedLimitSeconds: packing.modifiedLimitSeconds,
        },
        request.context.signal,
      );
      try {
        const layers = await builds.adoptTars([packed], chain, request.context.signal);
        for (const layer of layers) chain.push(layer.chainId);
        for (const layer of layers) made.push(layer.chainId);
      } finally {
        await packed.discard();
      }
    }
    return { chain, made };
  } catch (error) {
    builds.release(made);
    throw error;
  }
}

async function store(
  request: Export,
  options: ImageOptions,
  names: readonly TargetName[],
  isPushed: boolean,
): Promise<Record<string, string>> {
  const { parts, outputs, vertex } = request;
  const { builds } = parts;
  const output = outputFor(outputs);
  if (output === undefined) {
    if (isPushed && outputs.length > 0) return {};
    throw noneFits(outputs);
  }
  const left = outputs.filter((other) => other !== output);
  if (left.length > 0 && !isPushed) {
    vertex.warn(`${platformNames(left)} is not kept: an image of this engine is of one platform`);
  }
  const { chain, made } = await vertex.step('exporting layers', () => layersFor(request, output, options));
  try {
    const held = builds.hold(chain);
    if (held === undefined) throw fail('internal', 'a layer of the image is gone');
    made.push(...chain);
    const diffIds = held.map(({ diffId }) => diffId);
    const { content, file } = configOf(request, output, diffIds, options);
    if (request.caches.inline(output) !== undefined) {
      await vertex.step('preparing layers for inline cache', async () => undefined);
    }
    const references = names.map(({ reference }) => reference);
    const id = digestOf(content);
    await vertex.step(`writing image ${id}`, () => builds.commit({ content, file, chain, references }));
    for (const { shown } of names) await vertex.step(`naming to ${shown}`, async () => undefined);
    return {
      'containerimage.config.digest': id,
      'containerimage.digest': id,
      ...(names.length > 0 && { 'image.name': names.map(({ shown }) => shown).join(',') }),
    };
  } finally {
    builds.release(made);
  }
}

/** `moby` and `image`: into the engine under its names, and with `push` to their registries. */
export function openImageExporter(type: 'moby' | 'image', attributes: Attributes): Exporter {
  // Docker's own exporter lets the history of the base be.
  const options = { ...imageOptionsOf(attributes), keepsHistory: type === 'moby' };
  const isPushed = booleanOf(attributes, 'push') ?? false;
  const isByDigest = booleanOf(attributes, 'push-by-digest') ?? false;
  const isStored = booleanOf(attributes, 'store') ?? !isByDigest;
  if (booleanOf(attributes, 'registry.insecure') === true) {
    throw fail(
      'invalid-argument',
      'registry.insecure is not supported: name the registry in insecure-registries of daemon.json',
    );
  }
  for (const name of ['unpack', 'name-canonical']) booleanOf(attributes, name);
  const given = attributes.name ?? '';
  const fixed = given === '*' ? undefined : namesOf(given);
  return {
    name: 'exporting to image',
    async run(request) {
      const named = request.result.metadata.get('image.name');
      const names = fixed ?? namesOf(named === undefined ? '' : new TextDecoder().decode(named));
      const stored = isStored ? await store(request, options, names, isPushed) : {};
      if (!isPushed && !isByDigest) return stored;
      const pushed = await pushImage(request, options, names, isByDigest);
      const { 'containerimage.config.digest': id = '' } = stored;
      const { 'containerimage.digest': digest = '' } = pushed;
      for (const { reference } of names) request.parts.builds.noteDigest(id, { name: reference.name, digest });
      return { ...stored, ...pushed };
    },
  };
}
