import type { ImageSummary } from '#api';
import { shortId } from '#std/identifiers';
import { printSize } from '#std/sizes';
import type { Listing } from '../../print/listing.ts';
import { printAgo, printLocalTime } from '../../print/times.ts';
import { parseImageName } from '../../values/references.ts';

const none = '<none>';

/** A line of the list: an image under one of its names. */
export interface ImageRow {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

/** An image's lines: one for each tag, and with `digests` for each digest; one without a name when it has none. */
export function imageRows(image: ImageSummary, digests: boolean): ImageRow[] {
  const tags = (image.RepoTags ?? []).filter((name) => name !== `${none}:${none}`).map(parseImageName);
  const pinned = (image.RepoDigests ?? []).filter((name) => name !== `${none}@${none}`).map(parseImageName);
  const rows = tags.flatMap(({ repository, tag }) => {
    const own = digests ? pinned.filter((other) => other.repository === repository) : [];
    const row = { image, repository, tag: tag ?? none };
    return own.length === 0
      ? [{ ...row, digest: none }]
      : own.map(({ digest }) => ({ ...row, digest: digest ?? none }));
  });
  const untagged = pinned.filter(({ repository }) => !tags.some((other) => other.repository === repository));
  for (const { repository, digest } of untagged) rows.push({ image, repository, tag: none, digest: digest ?? none });
  return rows.length > 0 ? rows : [{ image, repository: none, tag: none, digest: none }];
}

/** How images are listed. */
export function imageListing(options: { truncated: boolean; digests: boolean }): Listing<ImageRow> {
  const { truncated, digests } = options;
  const columns = ['Repository', 'Tag', ...(digests ? ['Digest'] : []), 'ID', 'CreatedSince', 'Size'];
  return {
    type: 'imageContext',
    table: columns.map((name) => `{{.${name}}}`).join('\t'),
    fields: {
      Repository: { heading: 'REPOSITORY', text: ({ repository }) => repository },
      Tag: { heading: 'TAG', text: ({ tag }) => tag },
      Digest: { heading: 'DIGEST', text: ({ digest }) => digest },
      ID: { heading: 'IMAGE ID', text: ({ image }) => (truncated ? shortId(image.Id) : image.Id) },
      CreatedSince: { heading: 'CREATED', text: ({ image }) => printAgo(image.Created * 1000) },
      CreatedAt: { heading: 'CREATED AT', text: ({ image }) => printLocalTime(image.Created * 1000) },
      Size: { heading: 'SIZE', text: ({ image }) => printSize(image.Size, 3) },
      Containers: {
        heading: 'CONTAINERS',
        text: ({ image }) => (image.Containers < 0 ? 'N/A' : String(image.Containers)),
      },
      VirtualSize: { heading: 'VIRTUAL SIZE', text: ({ image }) => printSize(image.Size) },
      SharedSize: {
        heading: 'SHARED SIZE',
        text: ({ image }) => (image.SharedSize < 0 ? 'N/A' : printSize(image.SharedSize)),
      },
      UniqueSize: {
        heading: 'UNIQUE SIZE',
        text: ({ image }) => (image.SharedSize < 0 ? 'N/A' : printSize(image.Size - image.SharedSize)),
      },
    },
    raw: [
      ['repository', '{{.Repository}}'],
      ['tag', '{{.Tag}}'],
      ...(digests ? [['digest', '{{.Digest}}'] as const] : []),
      ['image_id', '{{.ID}}'],
      ['created_at', '{{.CreatedAt}}'],
      ['virtual_size', '{{.Size}}'],
    ],
  };
}
