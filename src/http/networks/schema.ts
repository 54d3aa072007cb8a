import { boolean, integer, list, map, object, type Schema, string } from '../json/schema.ts';

const strings = list(string);
const labels = map(string);

/** Docker's network.EndpointSettings. */
export const endpoint: Schema = object('network.EndpointSettings', {
  IPAMConfig: object('network.EndpointIPAMConfig', {
    IPv4Address: string,
    IPv6Address: string,
    LinkLocalIPs: strings,
  }),
  Links: strings,
  Aliases: strings,
  MacAddress: string,
  DriverOpts: labels,
  GwPriority: integer('int'),
  NetworkID: string,
  EndpointID: string,
  Gateway: string,
  IPAddress: string,
  IPPrefixLen: integer('int'),
  IPv6Gateway: string,
  GlobalIPv6Address: string,
  GlobalIPv6PrefixLen: integer('int'),
  DNSNames: strings,
});

/** The body of `POST /networks/create`. */
export const createRequest: Schema = object('network.CreateRequest', {
  Name: string,
  Driver: string,
  Scope: string,
  EnableIPv4: boolean,
  EnableIPv6: boolean,
  IPAM: object('network.IPAM', {
    Driver: string,
    Options: labels,
    Config: list(
      object('network.IPAMConfig', { Subnet: string, IPRange: string, Gateway: string, AuxiliaryAddresses: labels }),
      '[]network.IPAMConfig',
    ),
  }),
  Internal: boolean,
  Attachable: boolean,
  Ingress: boolean,
  ConfigOnly: boolean,
  ConfigFrom: object('network.ConfigReference', { Network: string }),
  Options: labels,
  Labels: labels,
});

/** The body of `POST /networks/{id}/connect`. */
export const connectRequest: Schema = object('ConnectOptions', { Container: string, EndpointConfig: endpoint });

/** The body of `POST /networks/{id}/disconnect`. */
export const disconnectRequest: Schema = object('DisconnectOptions', { Container: string, Force: boolean });
