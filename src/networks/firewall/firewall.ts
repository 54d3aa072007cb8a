import { existsSync } from 'node:fs';
import { forgetUdpFlows } from '#linux/conntrack';
import { hasCode } from '#linux/errno';
import { runNftables } from '#linux/nftables';
import { changeElements } from '#linux/nftables-elements';
import { type NftablesChange, watchNftables } from '#linux/nftables-events';
import { messageOf } from '#std/errors';
import { log } from '#std/log';
import { administratorTable, offerAdministratorChain, withdrawAdministratorChain } from './administrator.ts';
import {
  bridgeFacts,
  distinctFacts,
  type Fact,
  type Family,
  factElements,
  families,
  redirectionFacts,
} from './facts.ts';
import { allowInHostFilter, forgetInHostFilter, forgetTheDead, isHostFilter } from './host-accept.ts';
import { rulesetText } from './ruleset.ts';
import { type BridgeRules, type FirewallState, isIpv6, type Redirection } from './state.ts';

/** The engine's tables, the administrator's, and the engine's rules in the host's filter. */
export interface Firewall {
  /** Writes both tables anew, in one transaction, and lets bridges pass the host's filter; from then on they are watched. */
  rebuild(): void;
  /** `bridge` is part of `state()` already, should the tables have to be written whole. Costs the same at any number of networks. */
  addBridge(bridge: BridgeRules): void;
  /** `bridge` is no part of `state()` any more. */
  removeBridge(bridge: BridgeRules): void;
  /** `redirections` are part of `state()` already; their bridges were added. */
  publish(redirections: readonly Redirection[]): void;
  /** `redirections` are no part of `state()` any more; their bridges still are. */
  withdraw(redirections: readonly Redirection[]): void;
  /** Removes everything. */
  remove(bridges: readonly BridgeRules[]): void;
}

/** A change is answered after so long, so that all that belongs to it has come, */
const restoreDelayMs = 50;
/** and not more often than this, should somebody insist on it. */
const restoreIntervalMs = 900;
/** or than this, when it fails again and again. */
const restorePauseLimitMs = 60_000;

function forgetFlows(redirections: readonly Redirection[]): void {
  for (const family of families) {
    const ports = redirections.flatMap(({ port: { protocol, hostAddress, hostPort } }) =>
      protocol === 'udp' && hostPort !== 0 && isIpv6(hostAddress) === (family === 'ip6') ? [hostPort] : [],
    );
    try {
      forgetUdpFlows(ports, family);
    } catch (error) {
      // An old kernel forgets all flows or none; a flow that pauses for half a minute is right again by itself.
      log('debug', 'flows of the past may go on to where they went', { ports: ports.length, error: messageOf(error) });
    }
  }
}

function isAdministrators({ isRemoval, table }: NftablesChange): boolean {
  return isRemoval && table === administratorTable;
}

function devicesOf(bridges: readonly BridgeRules[]): string[] {
  return bridges.map(({ device }) => device);
}

/** The firewall with the tables `table`; `state` reads the records. */
export function createFirewall(table: string, state: () => FirewallState): Firewall {
  const present = families.filter((family) => family === 'ip' || existsSync('/proc/sys/net/ipv6'));
  /** Those that the tables know. */
  const known = new Map<string, BridgeRules>();
  let watch: Disposable | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastRestoreMs = Number.NEGATIVE_INFINITY;
  let failures = 0;
  /** What others have touched since the last look. */
  const touched = { tables: false, host: false };

  function allow(devices: readonly string[]): void {
    if (devices.length > 0) allowInHostFilter(devices);
  }

  function rebuild(): void {
    const now = state();
    runNftables(present.map((family) => rulesetText(family, table, now)).join(''));
    known.clear();
    for (const bridge of now.bridges) known.set(bridge.device, bridge);
    forgetTheDead(devicesOf(now.bridges));
    allow(devicesOf(now.bridges));
    offerAdministratorChain();
    watch ??= watchNftables(concerns, notice);
  }

  /** Somebody has flushed the host's rules, or changed ours: what should be there is written anew. */
  function restore(): void {
    timer = undefined;
    lastRestoreMs = performance.now();
    const { tables, host } = touched;
    touched.tables = false;
    touched.host = false;
    try {
      if (tables) {
        log('warn', 'the firewall tables were changed by another program and are written anew', { table });
        rebuild();
      } else if (host) {
        allow([...known.keys()]);
        offerAdministratorChain();
      }
      failures = 0;
    } catch (error) {
      log('error', 'the firewall cannot be restored, and is tried again', { table, error: messageOf(error) });
      failures++;
      touched.tables ||= tables;
      touched.host ||= host;
      restoreSoon();
    }
  }

  function restoreSoon(): void {
    const pauseMs = Math.min(restoreIntervalMs * 2 ** failures, restorePauseLimitMs);
    const delayMs = Math.max(restoreDelayMs, lastRestoreMs + pauseMs - performance.now());
    timer ??= setTimeout(restore, delayMs).unref();
  }

  function isOwnTable(change: NftablesChange): boolean {
    return change.table === table && (change.family === 'ip' || change.family === 'ip6');
  }

  function concerns(change: NftablesChange): boolean {
    return isOwnTable(change) || isHostFilter(change) || isAdministrators(change);
  }

  function notice(changes: readonly NftablesChange[] | undefined): void {
    touched.tables ||= changes?.some(isOwnTable) ?? true;
    touched.host ||= changes?.some((change) => !isOwnTable(change)) ?? true;
    restoreSoon();
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
    forgetFlows(redirections);
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
      forgetInHostFilter([bridge.device]);
    },
    publish: (redirections) => changePorts('add', redirections),
    withdraw: (redirections) => changePorts('remove', redirections),
    remove(bridges) {
      watch?.[Symbol.dispose]();
      clearTimeout(timer);
      runNftables(present.map((family) => removalText(family, table)).join(''));
      forgetInHostFilter(devicesOf(bridges));
      withdrawAdministratorChain();
    },
  };
}

function removalText(family: Family, table: string): string {
  return `table ${family} ${table} {\n}\ndelete table ${family} ${table}\n`;
}
