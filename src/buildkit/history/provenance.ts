import type { Edge, FrontendOutput, ResolvedImage } from '#builder';
import { verticesOf } from '#builder';
import { familiarName, type Platform, parseReference, printPlatform } from '#oci';

/** What in-toto calls the statements of a build's origin that BuildKit's clients read. */
export const provenanceType = 'https://slsa.dev/provenance/v0.2';
export const attestationMediaType = 'application/vnd.in-toto+json';

interface Material {
  readonly uri: string;
  readonly digest: Readonly<Record<string, string>>;
}

/** Resolves an image that a build has used; rejects where it is not known any more. */
export type ResolveImage = (
  reference: string,
  platform: Platform,
) => Promise<Pick<ResolvedImage, 'digest' | 'imageId'>>;

/** Options that say where a build ran, and not what it made. */
const hostOptions = new Set([
  'cgroup-parent',
  'image-resolve-mode',
  'platform',
  'cache-imports',
  'cache-from',
  'filename',
]);
const imageScheme = 'docker-image://';
const localScheme = 'local://';

function sourcesOf(edge: Edge | undefined) {
  const vertices = edge === undefined ? [] : verticesOf([edge]);
  return vertices.flatMap(({ operation, platform }) =>
    operation.type === 'source' ? [{ identifier: operation.identifier, platform }] : [],
  );
}

/** An image as a package URL: `pkg:docker/busybox@latest?platform=linux%2Famd64`. */
function packageUrl(reference: string, platform: Platform): string {
  const { name: full, digest, tag } = parseReference(reference);
  const name = familiarName(full);
  const version = tag ?? digest ?? 'latest';
  const qualifiers = [
    ...(tag !== undefined && digest !== undefined ? [`digest=${digest}`] : []),
    `platform=${encodeURIComponent(printPlatform(platform))}`,
  ];
  return `pkg:docker/${name}@${version}?${qualifiers.join('&')}`;
}

async function materialOf(reference: string, platform: Platform, resolve: ResolveImage): Promise<Material[]> {
  try {
    const { digest, imageId } = await resolve(reference, platform);
    const [algorithm = 'sha256', hex = ''] = (digest ?? imageId).split(':');
    return [{ uri: packageUrl(reference, platform), digest: { [algorithm]: hex } }];
  } catch {
    // Gone since: the build is none the worse for that.
    return [];
  }
}

async function materialsOf(edge: Edge | undefined, resolve: ResolveImage): Promise<Material[]> {
  const images = sourcesOf(edge).filter(({ identifier }) => identifier.startsWith(imageScheme));
  const all = await Promise.all(
    images.map(({ identifier, platform }) => materialOf(identifier.slice(imageScheme.length), platform, resolve)),
  );
  return [...new Map(all.flat().map((material) => [material.uri, material])).values()];
}

function localsOf(edge: Edge | undefined, options: Readonly<Record<string, string>>): { name: string }[] {
  const used = sourcesOf(edge).flatMap(({ identifier }) =>
    identifier.startsWith(localScheme) ? [identifier.slice(localScheme.length)] : [],
  );
  const own = options.context === undefined ? ['context', 'dockerfile'] : [];
  return [...new Set([...own, ...used])].sort().map((name) => ({ name }));
}

/** Where one output of a build of a Dockerfile comes from, as SLSA's predicate (JSON) of the least extent that BuildKit makes. */
export async function provenanceOf(
  { edge, platform }: FrontendOutput,
  frontend: string,
  options: Readonly<Record<string, string>>,
  resolve: ResolveImage,
): Promise<Uint8Array> {
  const args = Object.entries(options).filter(([name]) => !hostOptions.has(name) && !/^(?:attest|vcs):/.test(name));
  const materials = await materialsOf(edge, resolve);
  const predicate = {
    builder: { id: '' },
    buildType: 'https://mobyproject.org/buildkit@v1',
    ...(materials.length > 0 && { materials }),
    invocation: {
      configSource: { ...(options.context && { uri: options.context }), entryPoint: options.filename ?? 'Dockerfile' },
      parameters: {
        frontend,
        ...(args.length > 0 && { args: Object.fromEntries(args.sort()) }),
        locals: localsOf(edge, options),
      },
      environment: { platform: printPlatform(platform) },
    },
  };
  return new TextEncoder().encode(JSON.stringify(predicate));
}
