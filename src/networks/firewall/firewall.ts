import { existsSync } from 'node:fs';
import { forgetUdpFlows } from '#linux/conntrack';
import { hasCode } from '#linux/errno';
import { runNftables } from '#linux/nftables';
import { changeElements } from '#linux/nftables-elements';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import {
  bridgeFacts,
  distinctFacts,
  type Fact,
  type Family,
  factElements,
  families,
  redirectionFacts,
} from './facts.ts';
import { allowInHostFilter, forgetInHostFilter } from './host-accept.ts';
import { rulesetText } from './ruleset.ts';
import { type BridgeRules, type FirewallState, isIpv6, type Redirection } from './state.ts';

/** The engine's tables and its rules in the host's filter. */
export interface Firewall {
  /** Writes both tables anew, in one transaction, and lets bridges pass the host's filter. */
  rebuild(): void;
  /** `bridge` is part of `state()` already, should the tables have to be written whole. Costs the same at any number of networks. */
  addBridge(bridge: BridgeRules): void;
  /** `bridge` is no part of `state()` any more. */
  removeBridge(bridge: BridgeRules): void;
  /** `redirections` are part of `state()` already; their bridges were added. */
  publish(redirections: readonly Redirection[]): void;
  /** `redirections` are no part of `state()` any more; their bridges still are. */
  withdraw(redirections: readonly Redirection[]): void;
  /** Looks, a moment later and not often, whether the host's filter still lets bridges pass. */
  checkSoon(): void;
  /** Removes everything. */
  remove(bridges: readonly BridgeRules[]): void;
}

const checkIntervalMs = 5000;
const checkDelayMs = 100;

function forgetFlows({ protocol, hostAddress, hostPort }: Redirection['port']): void {
  if (protocol !== 'udp' || hostPort === 0) return;
  try {
    forgetUdpFlows(hostPort, isIpv6(hostAddress) ? 'ip6' : 'ip');
  } catch (error) {
    // An old kernel forgets all flows or none; a flow that pauses for half a minute is right again by itself.
    log('debug', 'flows of the past may go on to where they went', { port: hostPort, error: messageOf(error) });
  }
}

function devicesOf(bridges: readonly BridgeRules[]): string[] {
  return bridges.map(({ device }) => device);
}

/** The firewall with the tables `table`; `state` reads the records. */
export function createFirewall(table: string, state: () => FirewallState): Firewall {
  const present = families.filter((family) => family === 'ip' || existsSync('/proc/sys/net/ipv6'));
  /** Those that the tables know. */
  const known = new Map<string, BridgeRules>();
  let lastCheckMs = 0;

  function allow(devices: readonly string[]): void {
    if (devices.length > 0) for (const family of present) allowInHostFilter(family, devices);
  }

  function rebuild(): void {
    const now = state();
    runNftables(present.map((family) => rulesetText(family, table, now)).join(''));
    known.clear();
    for (const bridge of now.bridges) known.set(bridge.device, bridge);
    allow(devicesOf(now.bridges));
  }

  function change(action: 'add' | 'remove', facts: readonly Fact[]): void {
    const known = distinctFacts(facts).filter(({ family }) => present.includes(family));
    try {
      changeElements(table, { [action]: known.flatMap(factElements) });
    } catch (error) {
      // Somebody has flushed the host's rules, or changed ours: write them as they should be.
      if (!hasCode(error, 'ENOENT') && !hasCode(error, 'EEXIST')) throw error;
      log('warn', 'the firewall table is not as it was left and is written anew', { table });
      rebuild();
    }
  }

  function changePorts(action: 'add' | 'remove', redirections: readonly Redirection[]): void {
    change(
      action,
      redirections.flatMap((redirection) => redirectionFacts(known.get(redirection.device), redirection)),
    );
    for (const { port } of redirections) forgetFlows(port);
  }

  return {
    rebuild,
    addBridge(bridge) {
      known.set(bridge.device, bridge);
      change('add', bridgeFacts(bridge));
      allow([bridge.device]);
    },
    removeBridge(bridge) {
      known.delete(bridge.device);
      change('remove', bridgeFacts(bridge));
      for (const family of present) forgetInHostFilter(family, [bridge.device]);
    },
    publish: (redirections) => changePorts('add', redirections),
    withdraw: (redirections) => changePorts('remove', redirections),
    checkSoon() {
      if (performance.now() - lastCheckMs < checkIntervalMs) return;
      lastCheckMs = performance.now();
      setTimeout(() => {
        try {
          allow([...known.keys()]);
        } catch (error) {
          log('warn', "the host's filter cannot be looked at", { error: messageOf(error) });
        }
      }, checkDelayMs).unref();
    },
    remove(bridges) {
      runNftables(present.map((family) => removalText(family, table)).join(''));
      for (const family of present) forgetInHostFilter(family, devicesOf(bridges));
    },
  };
}

function removalText(family: Family, table: string): string {
  return `table ${family} ${table} {\n}\ndelete table ${family} ${table}\n`;
}
