import { readFileSync } from 'node:fs';
import { hasCode } from '#linux/errno';

/**
 * Whether packets between two ports of one bridge pass the rules for what is forwarded (the kernel's br_netfilter). Where
 * they do not, containers that must not reach each other are kept apart by the bridge itself.
 */
export function areBridgedPacketsRuled(): boolean {
  try {
    return readFileSync('/proc/sys/net/bridge/bridge-nf-call-iptables', 'utf8').trim() === '1';
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}
