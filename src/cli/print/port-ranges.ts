import type { PortSummary } from '#api';

interface Group {
  readonly first: number;
  readonly last: number;
}

function printGroup(key: string, { first, last }: Group): string {
  const slash = key.lastIndexOf('/');
  const ip = key.slice(0, Math.max(0, slash));
  const protocol = key.slice(slash + 1);
  const range = first === last ? String(first) : `${first}-${last}`;
  return ip === '' ? `${range}/${protocol}` : `${hostAddress(ip)}:${range}->${range}/${protocol}`;
}

/** An address as it stands before a port: IPv6 in brackets. */
export function hostAddress(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

/** By code units: in a language's order brackets and dots do not count. */
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function compare(a: PortSummary, b: PortSummary): number {
  return (
    a.PrivatePort - b.PrivatePort ||
    byText(a.IP ?? '', b.IP ?? '') ||
    (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
    byText(a.Type, b.Type)
  );
}

/** The ports of a container as `ps` shows them: neighbours that map to themselves are one range. */
export function printPorts(ports: readonly PortSummary[]): string {
  const groups = new Map<string, Group>();
  const ranges: string[] = [];
  const mappings: string[] = [];
  for (const port of [...ports].sort(compare)) {
    const { IP: ip, PrivatePort: current, PublicPort: published, Type: protocol } = port;
    if (ip && published !== current) {
      mappings.push(`${hostAddress(ip)}:${published}->${current}/${protocol}`);
      continue;
    }
    const key = ip ? `${ip}/${protocol}` : protocol;
    const group = groups.get(key);
    if (group && current === group.last + 1) {
      groups.set(key, { first: group.first, last: current });
      continue;
    }
    if (group) ranges.push(printGroup(key, group));
    groups.set(key, { first: current, last: current });
  }
  return [...ranges, ...[...groups].map(([key, group]) => printGroup(key, group)), ...mappings].join(', ');
}
