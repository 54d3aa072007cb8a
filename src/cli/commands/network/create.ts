import { createNetwork } from '#client';
import { defineCommand } from '../../grammar/command.ts';
import { strings, text, toggle } from '../../grammar/flag.ts';
import { writeErr, writeOut } from '../../streams/text-output.ts';
import { labelFlag, pairs, toRecord } from '../../values/key-values.ts';
import { pools } from './pools.ts';

/** `network create`: prints the ID. */
export const networkCreate = defineCommand({
  usage: '[OPTIONS] NETWORK',
  examples: [['network create --subnet 10.9.0.0/24 backend', 'Make a network with addresses of your choice']],
  flags: {
    attachable: toggle('Let containers join by hand'),
    'aux-address': pairs('Addresses that the network uses itself (name=address)'),
    'config-from': text('Network whose configuration to copy'),
    'config-only': toggle('Make a configuration, and no network'),
    driver: text('Driver of the network', {
      short: 'd',
      initial: 'bridge',
      shownDefault: '"bridge"',
      completes: 'network-driver',
    }),
    gateway: strings('Gateways of the subnets'),
    ingress: toggle('Make the routing mesh of a swarm'),
    internal: toggle('No way outwards'),
    'ip-range': strings('Give addresses of a part of the subnet'),
    'ipam-driver': text('Driver that gives addresses', { initial: 'default', shownDefault: '"default"' }),
    'ipam-opt': pairs('Options of that driver (name=value)'),
    ipv4: toggle('Give IPv4 addresses', { initial: true }),
    ipv6: toggle('Give IPv6 addresses'),
    label: labelFlag('Set a label (name=value)'),
    opt: pairs('Options of the driver (name=value)', { short: 'o' }),
    scope: text('Scope of the network'),
    subnet: strings('Subnets, as address/prefix'),
  },
  args: { min: 1, max: 1 },
  async run({ flags, given, args, engine }) {
    const { Id, Warning } = await createNetwork(engine, {
      Name: args[0] ?? '',
      Driver: flags.driver,
      Options: toRecord(flags.opt),
      IPAM: { Driver: flags['ipam-driver'], Options: toRecord(flags['ipam-opt']), Config: pools(flags) },
      Internal: flags.internal,
      Ingress: flags.ingress,
      Attachable: flags.attachable,
      ConfigOnly: flags['config-only'],
      Scope: flags.scope,
      ...(flags['config-from'] === '' ? {} : { ConfigFrom: { Network: flags['config-from'] } }),
      ...(given.has('ipv4') ? { EnableIPv4: flags.ipv4 } : {}),
      ...(given.has('ipv6') ? { EnableIPv6: flags.ipv6 } : {}),
      Labels: toRecord(flags.label),
    });
    if (Warning) writeErr(`WARNING: ${Warning}\n`);
    writeOut(`${Id}\n`);
    return 0;
  },
});
