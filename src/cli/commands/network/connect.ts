import type { EndpointSettings } from '#api';
import { connectNetwork } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { integer, list, strings, text } from '../../grammar/flag.ts';
import { toRecord } from '../../values/key-values.ts';

/** `network connect`. */
export const networkConnect = defineCommand({
  usage: '[OPTIONS] NETWORK CONTAINER',
  flags: {
    alias: strings('More names for the container in the network'),
    'driver-opt': strings('Options of the driver (name=value)'),
    'gw-priority': integer('The highest of all networks gives the default gateway', { initial: 0 }),
    ip: text('IPv4 address (10.0.0.2)'),
    ip6: text('IPv6 address (2001:db8::2)'),
    link: list('Link to another container (name[:alias])'),
    'link-local-ip': strings('Link-local addresses'),
  },
  args: { min: 2, max: 2 },
  operands: ['network', 'container'],
  async run({ flags, args, engine }) {
    const [network = '', container = ''] = args;
    const endpoint: Partial<EndpointSettings> = {
      IPAMConfig: { IPv4Address: flags.ip, IPv6Address: flags.ip6, LinkLocalIPs: [...flags['link-local-ip']] },
      Links: [...flags.link],
      Aliases: [...flags.alias],
      DriverOpts: toRecord(flags['driver-opt']),
      GwPriority: flags['gw-priority'] ?? 0,
    };
    await connectNetwork(engine, network, { Container: container, EndpointConfig: endpoint });
    return 0;
  },
});
