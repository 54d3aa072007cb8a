import type { ImageSummary } from '#api';
import { shortId } from '#std/identifiers';
import { printSize } from '#std/sizes';
import { hasColours } from '../../print/colours.ts';
import { ellipsis } from '../../print/columns.ts';

/** A variant of an image for one platform, as `manifests=1` adds them. */
interface Manifest {
  readonly ID: string;
  readonly Kind?: string;
  readonly Available?: boolean;
  readonly Size?: { readonly Content?: number; readonly Total?: number };
  readonly ImageData?: {
    readonly Platform?: { readonly os?: string; readonly architecture?: string; readonly variant?: string };
    readonly Size?: { readonly Unpacked?: number };
    readonly Containers?: readonly string[] | null;
  };
}

interface Line {
  readonly name: string;
  readonly id: string;
  readonly usage: string;
  readonly content: string;
  readonly inUse: boolean;
}

const gapColumns = 3;
const idColumns = 12;
const nameColumnsMax = 60;

function manifestLines({ Manifests }: ImageSummary & { Manifests?: readonly Manifest[] | null }): Line[] {
  const shown = (Manifests ?? []).filter(({ Kind }) => Kind === undefined || Kind === 'image');
  return shown.map(({ ID, Size, ImageData }, index) => {
    const { os = 'unknown', architecture = 'unknown', variant } = ImageData?.Platform ?? {};
    const platform = [os, architecture, ...(variant ? [variant] : [])].join('/');
    return {
      name: `${index === shown.length - 1 ? '└─' : '├─'} ${platform}`,
      id: shortId(ID),
      usage: printSize(Size?.Total ?? 0, 3),
      content: printSize(Size?.Content ?? 0, 3),
      inUse: (ImageData?.Containers ?? []).length > 0,
    };
  });
}

function imageLines(image: ImageSummary & { Manifests?: readonly Manifest[] | null }): Line[][] {
  const content = (image.Manifests ?? []).reduce((sum, { Size }) => sum + (Size?.Content ?? 0), 0);
  const tags = (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');
  const line = {
    id: shortId(image.Id),
    usage: printSize(image.Size, 3),
    content: printSize(content, 3),
    inUse: image.Containers > 0,
  };
  const children = manifestLines(image);
  const names = tags.length === 0 ? ['<untagged>'] : tags;
  return names.map((name) => [{ ...line, name }, ...children]);
}

/** Images with the platforms they are there for: `image ls --tree`. */
export async function printPlatformTree(images: readonly ImageSummary[]): Promise<string> {
  const groups = images.flatMap(imageLines);
  const nested = groups.some((group) => group.length > 1);
  const bold = (await hasColours(1)) ? (text: string): string => `\u001b[1m${text}\u001b[22m` : (text: string) => text;
  const longest = Math.max('IMAGE'.length, ...groups.flat().map(({ name }) => [...name].length));
  const width = Math.min(longest, nameColumnsMax);
  const gap = ' '.repeat(gapColumns);
  const row = (name: string, id: string, usage: string, content: string, extra: string): string =>
    [
      ellipsis(name, width).padEnd(width),
      id.padEnd(idColumns),
      usage.padStart('DISK USAGE'.length),
      content.padStart('CONTENT SIZE'.length),
      extra,
    ]
      .join(gap)
      .trimEnd();
  const head = row('IMAGE', 'ID', 'DISK USAGE', 'CONTENT SIZE', 'EXTRA');
  const legend = 'Info ->  U In Use'.padStart(head.length + gapColumns);
  const lines = groups.map((group) =>
    group.map(({ name, id, usage, content, inUse }) => `${row(name, id, usage, content, inUse ? 'U' : '')}\n`).join(''),
  );
  return `${legend}\n\n${bold(head)}\n${lines.join(nested ? '\n' : '')}`;
}
