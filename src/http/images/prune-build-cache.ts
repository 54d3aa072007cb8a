import type { Endpoint } from '../exchange.ts';
import { json } from '../exchange.ts';

/** `POST /build/prune`: there is no builder, so there is no cache of one; `docker system prune` asks all the same. */
export const pruneBuildCache: Endpoint = ({ query }) => {
  query.filters();
  return json({ CachesDeleted: null, SpaceReclaimed: 0 });
};
