import { chainIdOf } from '#oci';
import { Slots } from '#std/slots';
import { Transfer, type TransferOptions, type Wanted } from './transfer.ts';

/** What is on its way in, for all pulls: the same thing comes once, however many want it at the same time. */
export interface Transfers {
  /** The transfer of what is wanted, a running one or a new one; whoever gets it joins it at once. */
  begin(options: Omit<TransferOptions, 'slots'>, wanted: Wanted): Transfer;
}

/** At most `limit` blobs come in at once. */
export function createTransfers(limit: () => number): Transfers {
  const slots = new Slots(limit);
  const running = new Map<string, Transfer>();
  return {
    begin(options, wanted) {
      const place = wanted.diffId === undefined ? '' : chainIdOf(wanted.parent, wanted.diffId);
      const key = `${wanted.descriptor.digest} ${place}`;
      const known = running.get(key);
      if (known !== undefined && !known.isFailed) return known;
      const transfer: Transfer = new Transfer({ ...options, slots }, wanted, () => {
        if (running.get(key) === transfer) running.delete(key);
      });
      running.set(key, transfer);
      return transfer;
    },
  };
}
