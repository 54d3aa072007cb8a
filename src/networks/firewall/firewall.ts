import { forgetUdpFlows } from '#linux/conntrack';
import { hasCode } from '#linux/errno';
import { addMapElements, deleteMapElements, runNftables } from '#linux/nftables';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import type { BridgeRecord } from '../record.ts';
import { allowInHostFilter, forgetInHostFilter } from './host-accept.ts';
import { elementOf, isRuled, type Redirection, rulesetText } from './ruleset.ts';

/** What the rules should say at this moment, from the records. */
export interface FirewallState {
  readonly bridges: readonly BridgeRecord[];
  readonly redirections: readonly Redirection[];
}

/** The engine's table and its rules in the host's filter. */
export interface Firewall {
  /** Writes the whole table anew, in one transaction, and lets bridges pass the host's filter. */
  rebuild(): void;
  /** `redirections` are part of `state()` already, should the whole table have to be written. */
  publish(redirections: readonly Redirection[]): void;
  /** `redirections` are no part of `state()` any more. */
  withdraw(redirections: readonly Redirection[]): void;
  /** Looks, a moment later and not often, whether the host's filter still lets bridges pass. */
  checkSoon(): void;
  /** Removes everything. */
  remove(bridges: readonly BridgeRecord[]): void;
}

const checkIntervalMs = 5000;
const checkDelayMs = 100;

function forgetFlows(port: number): void {
  try {
    forgetUdpFlows(port);
  } catch (error) {
    // An old kernel forgets all flows or none; a flow that pauses for half a minute is right again by itself.
    log('debug', 'flows of the past may go on to where they went', { port, error: messageOf(error) });
  }
}

/** The firewall with table `table`; `state` reads the records. */
export function createFirewall(table: string, state: () => FirewallState): Firewall {
  let lastCheckMs = 0;

  function rebuild(): void {
    const { bridges, redirections } = state();
    runNftables(rulesetText(table, bridges, redirections));
    for (const { device } of bridges) allowInHostFilter(device);
  }

  function change(
    apply: (table: string, elements: ReturnType<typeof elementOf>[]) => void,
    redirections: readonly Redirection[],
  ): void {
    try {
      apply(table, redirections.filter(({ port }) => isRuled(port)).map(elementOf));
    } catch (error) {
      // Somebody has flushed the host's rules, or changed ours: write them as they should be.
      if (!hasCode(error, 'ENOENT') && !hasCode(error, 'EEXIST')) throw error;
      log('warn', 'the firewall table is not as it was left and is written anew', { table });
      rebuild();
    }
    for (const { port } of redirections) if (port.protocol === 'udp' && isRuled(port)) forgetFlows(port.hostPort);
  }

  return {
    rebuild,
    publish: (redirections) => change(addMapElements, redirections),
    withdraw: (redirections) => change(deleteMapElements, redirections),
    checkSoon() {
      if (performance.now() - lastCheckMs < checkIntervalMs) return;
      lastCheckMs = performance.now();
      setTimeout(() => {
        try {
          for (const { device } of state().bridges) allowInHostFilter(device);
        } catch (error) {
          log('warn', "the host's filter cannot be looked at", { error: messageOf(error) });
        }
      }, checkDelayMs).unref();
    },
    remove(bridges) {
      runNftables(`table ip ${table} {\n}\ndelete table ip ${table}`);
      for (const { device } of bridges) forgetInHostFilter(device);
    },
  };
}
