import type { ContainerSummary, Filters } from '#api';
import type { Images } from '#images';
import type { Networks } from '#networks';
import { kindOf } from '#std/errors';
import { shortId } from '#std/identifiers';
import type { Catalog } from '../catalog.ts';
import { linkNames } from '../links/links.ts';
import { endpointsOf } from '../networks/view.ts';
import { type ContainerRecord, isRunning } from '../record.ts';
import { containerFilter } from './filter.ts';
import { summarize } from './summary.ts';

export interface ListOptions {
  readonly all: boolean;
  readonly limit: number;
  readonly size: boolean;
  readonly filters: Filters;
}

export interface Sizes {
  readonly SizeRw: number;
  readonly SizeRootFs: number;
}

/** Lists of containers. */
export interface List {
  list(options: ListOptions): Promise<ContainerSummary[]>;
  sizes(record: ContainerRecord): Promise<Sizes>;
}

function latestFirst(left: ContainerRecord, right: ContainerRecord): number {
  const difference = BigInt(right.createdAtNs) - BigInt(left.createdAtNs);
  return difference > 0n ? 1 : difference < 0n ? -1 : 0;
}

/** Makes the lists. */
export function createList(catalog: Catalog, images: Images, networks: Networks): List {
  function imageIdOf(reference: string): string | undefined {
    try {
      return images.resolve(reference).id;
    } catch (error) {
      // Words that are no reference name no image either.
      if (kindOf(error) === 'not-found' || kindOf(error) === 'invalid-argument') return undefined;
      throw error;
    }
  }

  /** Images whose layers begin with all layers of the ancestor. */
  function descendants(reference: string): ReadonlySet<string> {
    const id = imageIdOf(reference);
    if (id === undefined) return new Set();
    const { chain } = images.resolve(id);
    const used = new Set([...catalog.all()].map(({ imageId }) => imageId));
    const built = [...used].filter((candidate) => {
      const image = imageIdOf(candidate);
      if (image === undefined) return candidate === id;
      const last = chain.at(-1);
      return last === undefined ? candidate === id : images.resolve(image).chain.includes(last);
    });
    return new Set(built);
  }

  /** The name given at creation while it still means that image, else the image's id. */
  function imageReference({ config, imageId }: ContainerRecord): string {
    return imageIdOf(config.Image) === imageId ? config.Image : shortId(imageId);
  }

  const sources = {
    find: (name: string) => catalog.find(name),
    descendants,
    networksOf: (record: ContainerRecord) =>
      Object.entries(endpointsOf(record, networks)).map(([name, { NetworkID }]) => ({
        name,
        id: NetworkID,
      })),
    publishedPorts: (record: ContainerRecord) =>
      Object.entries(networks.sandbox(record.id)?.ports ?? {}).flatMap(([port, bindings]) =>
        (bindings ?? []).map(({ HostPort }) => `${HostPort}/${port.split('/')[1] ?? 'tcp'}`),
      ),
  };

  async function sizes({ id, imageId }: ContainerRecord): Promise<Sizes> {
    const SizeRw = await images.rootfs.sizeRw(id);
    const image = imageIdOf(imageId);
    return { SizeRw, SizeRootFs: SizeRw + (image === undefined ? 0 : images.resolve(image).sizeBytes) };
  }

  async function list(options: ListOptions): Promise<ContainerSummary[]> {
    const matches = containerFilter(options.filters, sources);
    const showsAll = options.all || options.limit > 0 || options.filters.has('status');
    const found = [...catalog.all()]
      .filter((record) => (showsAll || isRunning(record)) && matches(record))
      .sort(latestFirst);
    const rows = options.limit > 0 ? found.slice(0, options.limit) : found;
    const names = linkNames(catalog);
    return Promise.all(
      rows.map(async (record) => {
        const row = summarize(record, networks, imageReference, names.get(record.id) ?? []);
        if (!options.size) return row;
        const { SizeRw, SizeRootFs } = await sizes(record);
        // A list leaves out what is nothing; inspect does not.
        return { ...row, ...(SizeRw > 0 && { SizeRw }), ...(SizeRootFs > 0 && { SizeRootFs }) };
      }),
    );
  }

  return { list, sizes };
}
