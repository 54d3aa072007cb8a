import type { LinkedContainer } from './links.ts';

interface Port {
  readonly number: number;
  readonly protocol: string;
}

/** TCP first, then the other protocols by name; numbers in their order. */
function portsOf({ record }: LinkedContainer): Port[] {
  const rank = ({ protocol }: Port): string => (protocol === 'tcp' ? '' : protocol);
  return Object.keys(record.config.ExposedPorts ?? {})
    .map((text) => {
      const [number = '0', protocol = 'tcp'] = text.split('/');
      return { number: Number(number), protocol };
    })
    .sort((one, other) => rank(one).localeCompare(rank(other)) || one.number - other.number);
}

function variablesOfPort(prefix: string, address: string, { number, protocol }: Port): string[] {
  const name = `${prefix}_PORT_${number}_${protocol.toUpperCase()}`;
  return [
    `${name}=${protocol}://${address}:${number}`,
    `${name}_ADDR=${address}`,
    `${name}_PORT=${number}`,
    `${name}_PROTO=${protocol}`,
  ];
}

/** Ports that follow each other are told as a range too. */
function variablesOfRanges(prefix: string, address: string, ports: readonly Port[]): string[] {
  const variables: string[] = [];
  for (let first = 0, last = 0; first < ports.length; first = last + 1) {
    last = first;
    while (ports[last + 1]?.number === (ports[last]?.number ?? 0) + 1) last += 1;
    const [start, end] = [ports[first], ports[last]];
    if (start === undefined || end === undefined || start === end) continue;
    const name = `${prefix}_PORT_${start.number}_${start.protocol.toUpperCase()}`;
    variables.push(
      `${name}_START=${start.protocol}://${address}:${start.number}`,
      `${name}_PORT_START=${start.number}`,
      `${name}_END=${end.protocol}://${address}:${end.number}`,
      `${name}_PORT_END=${end.number}`,
    );
  }
  return variables;
}

function variablesOf(link: LinkedContainer): string[] {
  const { alias, path, address, record } = link;
  const prefix = alias.toUpperCase().replaceAll('-', '_');
  const ports = portsOf(link);
  const [first] = ports;
  const protocols = [...new Set(ports.map(({ protocol }) => protocol))];
  const own = (record.config.Env ?? []).filter((entry) => entry.includes('=') && !/^(?:HOME|PATH)=/.test(entry));
  return [
    ...(first === undefined ? [] : [`${prefix}_PORT=${first.protocol}://${address}:${first.number}`]),
    ...protocols.flatMap((wanted) => {
      const group = ports.filter(({ protocol }) => protocol === wanted);
      return [
        ...group.flatMap((port) => variablesOfPort(prefix, address, port)),
        ...variablesOfRanges(prefix, address, group),
      ];
    }),
    `${prefix}_NAME=${path}`,
    ...own.map((entry) => `${prefix}_ENV_${entry}`),
  ];
}

/** The variables by which a container learns of those it has links to: their ports, their names, their own variables. */
export function linkEnvironment(links: readonly LinkedContainer[]): string[] {
  return links.flatMap(variablesOf);
}
