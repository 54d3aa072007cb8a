import type { ImageDeleteItem } from '#api';
import { printSize } from '#std/sizes';

/** What was removed, under a heading; nothing when nothing was. */
export function deletedText(heading: string, names: readonly string[] | null | undefined): string {
  return names && names.length > 0 ? `${heading}:\n${names.map((name) => `${name}\n`).join('')}\n` : '';
}

/** The lines for images that were removed. */
export function deletedImages(items: readonly ImageDeleteItem[] | null | undefined): string[] {
  return (items ?? []).map((item) => ('Untagged' in item ? `untagged: ${item.Untagged}` : `deleted: ${item.Deleted}`));
}

/** The last line of a prune. */
export function reclaimedText(bytes: number): string {
  return `Total reclaimed space: ${printSize(bytes)}\n`;
}
