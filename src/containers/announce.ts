import type { Events } from '#events';
import { shortId } from '#std/identifiers';
import type { ContainerRecord } from './record.ts';

/** Publishes a container event with the attributes that Docker gives every one: labels, image and name. */
export function announce(
  events: Events,
  record: ContainerRecord,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
  options: { readonly isTransient?: boolean } = {},
): void {
  const image = record.config.Image === '' ? shortId(record.imageId) : record.config.Image;
  events.publish({
    type: 'container',
    action,
    id: record.id,
    attributes: { ...record.config.Labels, ...attributes, image, name: record.name },
    ...options,
  });
}
