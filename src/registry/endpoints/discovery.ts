import { mediaTypes } from '#oci';
import type { Call, Route, Services } from '../call.ts';
import { refuse } from '../failures.ts';
import { isContentDigest } from '../names.ts';

const pageMax = 1000;

/** One page of names; asks for one more than it shows, which tells whether there are others. */
function page(call: Call, key: string, list: (last: string, count: number) => string[], rest = {}): Response {
  const { query, request } = call;
  const text = query.get('n');
  if (text !== null && !/^\d{1,9}$/.test(text)) {
    throw refuse('PAGINATION_NUMBER_INVALID', 'invalid number of results requested', { detail: { n: text } });
  }
  const count = Math.min(text === null ? pageMax : Number(text), pageMax);
  const names = list(query.get('last') ?? '', count + 1);
  const shown = names.slice(0, count);
  const last = shown.at(-1);
  const headers: Record<string, string> = {};
  if (names.length > count && last !== undefined) {
    const { pathname } = new URL(request.url);
    headers.Link = `<${pathname}?${new URLSearchParams({ last, n: String(count) })}>; rel="next"`;
  }
  return Response.json({ ...rest, [key]: shown }, { headers });
}

async function listTags({ storage: { catalogue }, upstream }: Services, call: Call): Promise<Response> {
  const { repository } = call;
  const others = await upstream?.tags(repository);
  if (others === undefined && !catalogue.hasRepository(repository)) {
    throw refuse('NAME_UNKNOWN', 'repository name not known to registry', { detail: { name: repository } });
  }
  const list = (last: string, count: number): string[] => {
    const here = catalogue.tags(repository, last, count);
    if (others === undefined) return here;
    const names = new Set([...here, ...others.filter((name) => name > last)]);
    return [...names].sort().slice(0, count);
  };
  return page(call, 'tags', list, { name: repository });
}

function listRepositories({ storage: { catalogue } }: Services, call: Call): Response {
  return page(call, 'repositories', (last, count) => {
    const seen: string[] = [];
    let from = last;
    // What the caller may not pull takes no place on a page.
    while (seen.length < count) {
      const names = catalogue.repositories(from, pageMax);
      seen.push(...names.filter((name) => call.grants.sees(name)));
      from = names.at(-1) ?? from;
      if (names.length < pageMax) break;
    }
    return seen.slice(0, count);
  });
}

async function listReferrers({ storage: { catalogue }, upstream }: Services, call: Call): Promise<Response> {
  const { repository, reference, query } = call;
  if (!isContentDigest(reference)) throw refuse('DIGEST_INVALID', 'provided digest is not one of sha256 or sha512');
  const wanted = query.get('artifactType');
  const others = (await upstream?.referrers(repository, reference)) ?? [];
  const all = new Map([...others, ...catalogue.referrers(repository, reference)].map((one) => [one.digest, one]));
  const found = [...all.values()].filter(({ artifactType }) => wanted === null || artifactType === wanted);
  const manifests = found.map(({ mediaType, digest, sizeBytes, artifactType, annotations }) => ({
    mediaType,
    digest,
    size: sizeBytes,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  }));
  const headers = {
    'Content-Type': mediaTypes.index,
    ...(wanted === null ? {} : { 'OCI-Filters-Applied': 'artifactType' }),
  };
  return Response.json({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }, { headers });
}

/** Tags of a repository. */
export const tags: Route = {
  name: 'tags',
  path: /^\/v2\/(?<repository>.+)\/tags\/list$/,
  methods: { GET: { needs: ['pull'], handle: listTags } },
};

/** What has a manifest as its subject. */
export const referrers: Route = {
  name: 'referrers',
  path: /^\/v2\/(?<repository>.+)\/referrers\/(?<reference>[^/]+)$/,
  methods: { GET: { needs: ['pull'], handle: listReferrers } },
};

/** All repositories. */
export const catalog: Route = {
  name: 'catalog',
  path: /^\/v2\/_catalog$/,
  methods: { GET: { needs: ['catalog'], handle: listRepositories } },
};

/** Whether this is a registry, and who asks. */
export const base: Route = {
  name: 'base',
  path: /^\/v2\/?$/,
  methods: { GET: { needs: [], handle: () => Response.json({}) } },
};
