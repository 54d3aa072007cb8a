/** The thread that deletes links; see link-removal.ts. */
import { parentPort } from 'node:worker_threads';
import { messageOf } from '#std/errors';
import { hasCode } from './errno.ts';
import type { LinkRemoval, LinkRemoved } from './link-removal.ts';
import { deleteLink, RouteSocket } from './rtnetlink.ts';

const route = new RouteSocket();

function remove(name: string): string | undefined {
  try {
    route.transact(deleteLink(name));
    return undefined;
  } catch (error) {
    return hasCode(error, 'ENODEV') ? undefined : messageOf(error);
  }
}

parentPort?.on('message', ({ ticket, name }: LinkRemoval) => {
  const failure = remove(name);
  parentPort?.postMessage({ ticket, ...(failure !== undefined && { failure }) } satisfies LinkRemoved);
});
