import { join } from 'node:path';
import type { Filters, ImageHistoryEntry, ImageInspect, ImageInspectConfig, ImageSummary } from '#api';
import { familiarReference, type ImageReference, type Platform } from '#oci';
import { zeroTime } from '#std/time';
import type { Snapshots } from '#store';
import { type Catalogue, parentIds, type StoredImage } from './catalogue.ts';
import { layerUsage } from './disk-usage.ts';
import { booleanFilter, checkFilters, createdNs, matchesLabels, referenceFilter, untilFilter } from './filters.ts';
import type { ImageUser } from './types.ts';

const listFilters = ['dangling', 'label', 'before', 'since', 'reference', 'until'];
const nsPerSecond = 1_000_000_000n;

function tagsOf(references: readonly ImageReference[]): string[] {
  return references.filter(({ digest }) => digest === undefined).map(familiarReference);
}

function digestsOf(references: readonly ImageReference[]): string[] {
  return references.filter(({ digest }) => digest !== undefined).map(familiarReference);
}

function parentOf(catalogue: Catalogue, image: StoredImage): StoredImage | undefined {
  return image.parentId === undefined ? undefined : catalogue.images.get(image.parentId);
}

/** The rows of `docker images`, newest first. */
export function listImages(
  options: { catalogue: Catalogue; users: () => Iterable<ImageUser & { imageId: string }> },
  filters: Filters,
  { withAll = false, withSharedSize = false } = {},
): ImageSummary[] {
  const { catalogue, users } = options;
  checkFilters(filters, listFilters);
  const dangling = booleanFilter(filters, 'dangling');
  const matchesReference = referenceFilter(filters);
  const moments = (name: string): bigint[] => (filters.get(name) ?? []).map((text) => createdNs(catalogue.find(text)));
  const until = untilFilter(filters);
  const before = [...moments('before'), ...(until === undefined ? [] : [until])];
  const since = moments('since');
  const containers = new Map<string, number>();
  for (const { imageId } of users()) containers.set(imageId, (containers.get(imageId) ?? 0) + 1);
  const references = catalogue.referencesByImage();
  const parents = parentIds(catalogue);
  const usage = withSharedSize ? layerUsage(catalogue) : undefined;

  /** Nameless images that others were made from are for `all` alone; `dangling` asks for what has no tag and no children. */
  const isShown = (isNameless: boolean, hasTag: boolean, isParent: boolean): boolean => {
    if (dangling === true) return !hasTag && !isParent;
    return !isNameless || (dangling === undefined && (withAll || !isParent));
  };

  const rows: ImageSummary[] = [];
  for (const image of catalogue.images.all()) {
    const created = createdNs(image);
    const all = references.get(image.id) ?? [];
    const shown = matchesReference === undefined ? all : all.filter(matchesReference);
    const isWanted =
      matchesLabels(image, filters) &&
      before.every((moment) => created < moment) &&
      since.every((moment) => created > moment) &&
      (matchesReference === undefined || shown.length > 0) &&
      isShown(all.length === 0, tagsOf(shown).length > 0, parents.has(image.id));
    if (!isWanted) continue;
    rows.push({
      Id: image.id,
      ParentId: parentOf(catalogue, image)?.id ?? '',
      RepoTags: tagsOf(shown),
      RepoDigests: digestsOf(shown),
      Created: Number(created / nsPerSecond),
      Size: image.sizeBytes,
      SharedSize: usage === undefined ? -1 : usage.sharedBytes(image.chain),
      Labels: image.config.Labels ?? null,
      Containers: containers.get(image.id) ?? 0,
    });
  }
  return rows.sort((one, other) => other.Created - one.Created);
}

/** What API 1.51 shows of an image's configuration: these always, the others when they are set. */
function configOf({ config }: StoredImage): ImageInspectConfig {
  const { ExposedPorts, StopSignal, ArgsEscaped, Healthcheck, Shell } = config;
  return {
    Cmd: config.Cmd ?? null,
    Entrypoint: config.Entrypoint ?? null,
    Env: config.Env ?? null,
    Labels: config.Labels ?? null,
    OnBuild: config.OnBuild ?? null,
    User: config.User ?? '',
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? '',
    ...(ExposedPorts ? { ExposedPorts } : {}),
    ...(StopSignal ? { StopSignal } : {}),
    ...(ArgsEscaped ? { ArgsEscaped } : {}),
    ...(Healthcheck ? { Healthcheck } : {}),
    ...(Shell ? { Shell } : {}),
  };
}

function graphDriverOf(image: StoredImage, snapshots: Snapshots): ImageInspect['GraphDriver'] {
  const [top, ...below] = image.chain.map(snapshots.layerPath).reverse();
  if (top === undefined) return { Name: 'overlay2', Data: null };
  return {
    Name: 'overlay2',
    Data: {
      ...(below.length === 0 ? {} : { LowerDir: below.join(':') }),
      MergedDir: join(top, 'merged'),
      UpperDir: top,
      WorkDir: join(top, 'work'),
    },
  };
}

/** The answer of `docker image inspect`. */
export function inspectImage(
  options: { catalogue: Catalogue; snapshots: Snapshots },
  reference: string,
  platform?: Platform,
): ImageInspect {
  const { catalogue, snapshots } = options;
  const image = catalogue.find(reference, platform);
  const references = catalogue.referencesOf(image.id);
  return {
    Id: image.id,
    RepoTags: tagsOf(references),
    RepoDigests: digestsOf(references),
    Parent: parentOf(catalogue, image)?.id ?? '',
    Comment: image.comment || (image.history.at(-1)?.comment ?? ''),
    ...(image.created === '' ? {} : { Created: image.created }),
    DockerVersion: image.dockerVersion,
    Author: image.author,
    Config: configOf(image),
    Architecture: image.architecture,
    ...(image.variant === undefined ? {} : { Variant: image.variant }),
    Os: image.os,
    Size: image.sizeBytes,
    GraphDriver: graphDriverOf(image, snapshots),
    RootFS: { Type: 'layers', ...(image.diffIds.length === 0 ? {} : { Layers: [...image.diffIds] }) },
    Metadata: { LastTagTime: image.taggedAt ?? zeroTime },
  };
}

function secondsOf(time: string | undefined): number {
  const milliseconds = Date.parse(time ?? '');
  return Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1000);
}

/** The steps an image was made in, the last first; that and those of its parents are images that we have. */
export function imageHistory(catalogue: Catalogue, reference: string, platform?: Platform): ImageHistoryEntry[] {
  const image = catalogue.find(reference, platform);
  /** How many steps an image had -> that image. */
  const known = new Map<number, StoredImage>();
  for (let at: StoredImage | undefined = image; at !== undefined; at = parentOf(catalogue, at)) {
    if (known.has(at.history.length)) break;
    known.set(at.history.length, at);
  }
  let layer = 0;
  const entries = image.history.map((step, index): ImageHistoryEntry => {
    const made = known.get(index + 1);
    const tags = made === undefined ? [] : tagsOf(catalogue.referencesOf(made.id));
    const chainId = step.empty_layer ? undefined : image.chain[layer];
    if (!step.empty_layer) layer += 1;
    return {
      Comment: step.comment ?? '',
      Created: secondsOf(step.created),
      CreatedBy: step.created_by ?? '',
      Id: made?.id ?? '<missing>',
      Size: chainId === undefined ? 0 : (catalogue.layers.get(chainId)?.sizeBytes ?? 0),
      Tags: tags.length === 0 ? null : tags,
    };
  });
  return entries.reverse();
}
