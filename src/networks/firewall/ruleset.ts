import type { MapElement } from '#linux/nftables';
import { addressNumber } from '../bridge/addresses.ts';
import type { BridgeRecord, PublishedPort } from '../record.ts';

/** One redirection: a port of the host, and the address and port that it leads to. */
export interface Redirection {
  readonly port: PublishedPort;
  readonly address: string;
}

const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const;

/** Redirections that rules can do. What arrives by IPv6 the forwarder takes. */
export function isRuled({ hostAddress }: PublishedPort): boolean {
  return !hostAddress.includes(':');
}

function portField(port: number): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt16BE(port);
  return field;
}

function addressField(address: string): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(addressNumber(address));
  return field;
}

/** The element of a map that a redirection is. */
export function elementOf({ port, address }: Redirection): MapElement {
  const key = [Buffer.from([protocolNumbers[port.protocol], 0, 0, 0]), portField(port.hostPort)];
  const data = Buffer.concat([addressField(address), portField(port.containerPort)]);
  if (port.hostAddress === '0.0.0.0') return { map: 'published_any', key: Buffer.concat(key), data };
  return { map: 'published_address', key: Buffer.concat([addressField(port.hostAddress), ...key]), data };
}

function elementText({ port, address }: Redirection): string {
  const { protocol, hostAddress, hostPort, containerPort } = port;
  const key = hostAddress === '0.0.0.0' ? [] : [hostAddress];
  return `${[...key, protocol, hostPort].join(' . ')} : ${address} . ${containerPort}`;
}

function elementsText(items: readonly string[]): string {
  return items.length === 0 ? '' : `elements = { ${items.join(', ')} };`;
}

/**
 * The whole table of an engine, as one transaction that replaces the one that is there. Its rules are the same for any
 * number of bridges, containers and ports: they look things up in sets and maps.
 */
export function rulesetText(
  table: string,
  bridges: readonly BridgeRecord[],
  redirections: readonly Redirection[],
): string {
  const devices = bridges.map(({ device }) => `"${device}"`);
  const ruled = redirections.filter(({ port }) => isRuled(port));
  const any = ruled.filter(({ port }) => port.hostAddress === '0.0.0.0').map(elementText);
  const addressed = ruled.filter(({ port }) => port.hostAddress !== '0.0.0.0').map(elementText);
  return `
table ip ${table} {
}
delete table ip ${table}
table ip ${table} {
  set bridges { type ifname; ${elementsText(devices)} }
  set inside { type ifname . ifname; ${elementsText(devices.map((device) => `${device} . ${device}`))} }
  set subnets { type ipv4_addr; flags interval; ${elementsText(bridges.map(({ subnet }) => subnet))} }
  map published_any { type inet_proto . inet_service : ipv4_addr . inet_service; ${elementsText(any)} }
  map published_address {
    type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; ${elementsText(addressed)}
  }
  chain publish {
    dnat ip to ip daddr . meta l4proto . th dport map @published_address
    dnat ip to meta l4proto . th dport map @published_any
  }
  # Loopback addresses are routed on bridges, so nothing but the host itself may use them.
  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname @bridges ip daddr 127.0.0.0/8 drop
    iifname @bridges ip saddr 127.0.0.0/8 drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr != 127.0.0.0/8 fib daddr type local jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump publish
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname @bridges ip saddr 127.0.0.0/8 masquerade
    oifname @bridges ip saddr @subnets ct status dnat masquerade
    oifname != @bridges ip saddr @subnets masquerade
  }
  # From outside only what is published; from a bridge to everywhere but other bridges.
  chain forward {
    type filter hook forward priority filter; policy accept;
    oifname != @bridges accept
    ct state established,related accept
    iifname . oifname @inside accept
    ct status dnat accept
    drop
  }
}
`;
}
