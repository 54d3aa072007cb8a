import { type Descriptor, isTag, mediaTypes, parseIndex } from '#oci';
import { fail } from '#std/errors';
import { RegistryError } from './failure.ts';
import { manifestAccept, readManifest } from './manifest.ts';
import type { Reach } from './reach.ts';
import type { Answer } from './transport.ts';

const pageMaxBytes = 16 * 1024 * 1024;
const pagesMax = 10_000;
/** Of one repository; Docker Hub's largest have some tens of thousands. */
const tagsMax = 1_000_000;

function parsePage(content: Uint8Array, url: string): Record<string, unknown> {
  try {
    const value = JSON.parse(Buffer.from(content).toString()) as unknown;
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw fail('internal', `Get ${JSON.stringify(url)}: the registry's list is not a JSON object`);
}

/** The pages of a list; each names the next in its `Link` (distribution specification, "Content Discovery"). */
async function* pages(reach: Reach, first: string): AsyncIterable<Record<string, unknown>> {
  const seen = new Set<string>();
  for (let url: string | undefined = first; url !== undefined && seen.size < pagesMax; ) {
    if (seen.has(url)) throw fail('internal', `the registry's list goes in circles: ${url}`);
    seen.add(url);
    const answer: Answer = await reach.ask(url, {});
    yield parsePage(await answer.content(pageMaxBytes), answer.url);
    const next = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(answer.headers.get('link') ?? '')?.[1];
    url = next === undefined ? undefined : new URL(next, answer.url).href;
  }
}

/** All tags of the repository, over all pages. */
export async function listTags(reach: Reach): Promise<string[]> {
  const found: string[] = [];
  for await (const { tags } of pages(reach, `/v2/${reach.path}/tags/list`)) {
    for (const tag of Array.isArray(tags) ? (tags as unknown[]) : []) {
      if (typeof tag !== 'string' || !isTag(tag)) {
        throw fail('internal', `the registry's list has what is no tag: ${JSON.stringify(tag).slice(0, 200)}`);
      }
      found.push(tag);
    }
    if (found.length > tagsMax) throw fail('internal', `the registry's list has more than ${tagsMax} tags`);
  }
  return found;
}

/** Who has no referrers API says so by one of these. */
const absent = [400, 404, 405, 501];

function isAbsent(error: unknown): boolean {
  return error instanceof RegistryError && absent.includes(error.details.status ?? 0);
}

/** The index that stands for the API where there is none ("Referrers Tag Schema"). */
async function taggedReferrers(reach: Reach, digest: string): Promise<readonly Descriptor[]> {
  const tag = digest.replace(':', '-');
  const request = { headers: { Accept: manifestAccept }, accept: [404] };
  const answer = await reach.ask(`/v2/${reach.path}/manifests/${tag}`, request);
  if (answer.status === 404) {
    await answer.discard();
    return [];
  }
  const { descriptor, content } = await readManifest(answer, tag);
  return descriptor.mediaType === mediaTypes.index ? parseIndex(content).manifests : [];
}

/** What names `digest` as its subject. */
export async function listReferrers(reach: Reach, digest: string, artifactType?: string): Promise<Descriptor[]> {
  const query = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
  const found: (Descriptor & { readonly artifactType?: string })[] = [];
  try {
    for await (const { manifests } of pages(reach, `/v2/${reach.path}/referrers/${digest}${query}`)) {
      if (Array.isArray(manifests)) found.push(...(manifests as Descriptor[]));
    }
  } catch (error) {
    if (!isAbsent(error)) throw error;
    found.push(...(await taggedReferrers(reach, digest)));
  }
  // A registry need not filter.
  return artifactType === undefined ? found : found.filter((item) => item.artifactType === artifactType);
}
