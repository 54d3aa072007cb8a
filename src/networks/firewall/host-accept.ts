import { runNftables } from '#linux/nftables';
import { messageOf } from '#std/errors';

/** Where a host's own filter keeps what it does not know from passing, and in what order to look. */
const chains = ['DOCKER-USER', 'FORWARD'] as const;

function list(chain: string): string | undefined {
  try {
    return runNftables(`list chain ip filter ${chain}`);
  } catch (error) {
    // Neither table nor chain: then nothing there stands in the way.
    if (messageOf(error).includes('No such file or directory')) return undefined;
    throw error;
  }
}

function comment(device: string): string {
  return `estiba ${device}`;
}

function handles(listing: string, device: string): string[] {
  const ours = listing.split('\n').filter((line) => line.includes(`comment "${comment(device)}"`));
  return ours.flatMap((line) => /# handle (\d+)/.exec(line)?.[1] ?? []);
}

/**
 * Lets packets of a bridge pass the host's own filter, where its FORWARD chain drops by default (a drop is final in
 * nftables, whatever other tables accept). Docker keeps DOCKER-USER free for such rules. Does nothing when they are there.
 */
export function allowInHostFilter(device: string): void {
  for (const chain of chains) {
    const listing = list(chain);
    if (listing === undefined) continue;
    const isNeeded = chain === 'DOCKER-USER' || listing.includes('policy drop');
    const present = handles(listing, device);
    if (!isNeeded || present.length === 2) return;
    const rules = ['iifname', 'oifname'].map(
      (direction) =>
        `insert rule ip filter ${chain} ${direction} "${device}" counter accept comment "${comment(device)}"`,
    );
    runNftables([...present.map((handle) => `delete rule ip filter ${chain} handle ${handle}`), ...rules].join('\n'));
    return;
  }
}

/** Takes those rules out again, wherever they are. */
export function forgetInHostFilter(device: string): void {
  for (const chain of chains) {
    const present = handles(list(chain) ?? '', device);
    if (present.length === 0) continue;
    runNftables(present.map((handle) => `delete rule ip filter ${chain} handle ${handle}`).join('\n'));
  }
}
