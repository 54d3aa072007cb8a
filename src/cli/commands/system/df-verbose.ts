import type { DiskUsage } from '#api';
import { fail, messageOf } from '#std/errors';
import { printSize } from '#std/sizes';
import { listingRows, printListing } from '../../print/listing.ts';
import { cacheListing } from '../builder/listing.ts';
import { containerListing } from '../container/listing.ts';
import { type ImageRow, imageListing, imageRows } from '../image/listing.ts';
import { volumeListing } from '../volume/listing.ts';

const imageColumns = ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size', 'SharedSize', 'UniqueSize', 'Containers'];
const containerColumns = ['ID', 'Image', 'Command', 'LocalVolumes', 'Size', 'RunningFor', 'Status', 'Names'];

const columns = (names: readonly string[]): string => `table ${names.map((name) => `{{.${name}}}`).join('\t')}`;

/**
 * `system df -v`: a table for each kind, or a template that has all of them as lists.
 * @throws `invalid-argument` for a template that is none
 */
export async function printVerboseUsage(usage: DiskUsage, format: string): Promise<string> {
  const { Images, Containers, Volumes, BuildCache } = usage;
  const images: ImageRow[] = (Images ?? []).flatMap((image) => imageRows(image, false));
  const ofImages = imageListing({ truncated: true, digests: false });
  const ofContainers = containerListing({ truncated: true, size: true, virtual: false });
  const caches = BuildCache ?? [];
  if (format !== '' && !format.startsWith('table')) {
    const data = {
      Images: listingRows(ofImages, images),
      Containers: listingRows(ofContainers, Containers ?? []),
      Volumes: listingRows(volumeListing, Volumes ?? []),
      BuildCache: listingRows(cacheListing, caches),
    };
    if (format === 'json') return `${JSON.stringify(data)}\n`;
    const { compileTemplate } = await import('../../template/index.ts');
    try {
      return `${compileTemplate(format)(data)}\n`;
    } catch (error) {
      throw fail('invalid-argument', `failed to execute template: ${messageOf(error)}`, error);
    }
  }
  const cacheSize = caches.filter(({ Shared }) => !Shared).reduce((total, { Size }) => total + Size, 0);
  return [
    'Images space usage:\n\n',
    await printListing(ofImages, images, columns(imageColumns)),
    '\nContainers space usage:\n\n',
    await printListing(ofContainers, Containers ?? [], columns(containerColumns)),
    '\nLocal Volumes space usage:\n\n',
    await printListing(volumeListing, Volumes ?? [], columns(['Name', 'Links', 'Size'])),
    `\nBuild cache usage: ${printSize(cacheSize)}\n\n`,
    await printListing(cacheListing, caches),
  ].join('');
}
