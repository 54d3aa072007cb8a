import { runNftables } from '#linux/nftables';
import { chainState } from '#linux/nftables-rules';
import { messageOf } from '#std/errors';
import { log } from '#std/log';

/** The table whose chain `forward` is the administrator's: every forwarded packet passes it before our own rules. */
export const administratorTable = 'estiba-user';
const chain = 'forward';

/**
 * Makes the administrator's table and chain where they are missing. What is there is never changed: a chain of that name
 * may have come from the host's own configuration, with another priority or policy.
 */
export function offerAdministratorChain(): void {
  if (chainState('inet', administratorTable, chain) !== undefined) return;
  try {
    runNftables(
      `table inet ${administratorTable} {\nchain ${chain} {\ntype filter hook forward priority -10; policy accept;\n}\n}`,
    );
  } catch (error) {
    log('warn', "the administrator's chain cannot be made", { table: administratorTable, error: messageOf(error) });
  }
}

/** Takes the table away where nobody has put anything into it. Another engine of this host makes it again. */
export function withdrawAdministratorChain(): void {
  try {
    withdrawIfUntouched();
  } catch (error) {
    // Two engines that end at the same moment: the other one was faster.
    if (chainState('inet', administratorTable, chain) !== undefined) throw error;
  }
}

function withdrawIfUntouched(): void {
  if (chainState('inet', administratorTable, chain) === undefined) return;
  const listing = runNftables(`list table inet ${administratorTable}`);
  const lines = listing.split('\n').map((line) => line.replace(/ ?# handle.*/, '').trim());
  const hook = lines.filter((line) => line !== '' && line !== '}');
  // With another priority or policy it is the administrator's own, though there is nothing in it.
  const isUntouched = hook.length === 3 && hook[2] === 'type filter hook forward priority filter - 10; policy accept;';
  if (isUntouched) runNftables(`delete table inet ${administratorTable}`);
}
