const cluster = 'there is no swarm mode';
const ownBridge = 'the default bridge is made by the engine, and its gateway is the host';

/** Docker's settings that do not apply here, and why: a daemon.json that has one is refused, and the reason given. */
export const refusedSettings: Readonly<Record<string, string>> = {
  'allow-direct-routing': 'it is for each network to say, by its gateway mode',
  'authorization-plugins': 'there are no plugins',
  bridge: ownBridge,
  'cdi-spec-dirs': 'devices of the Container Device Interface are not supported',
  containerd: 'there is no containerd',
  'containerd-namespace': 'there is no containerd',
  'containerd-plugin-namespace': 'there is no containerd',
  'cpu-rt-period': 'real-time scheduling is not supported',
  'cpu-rt-runtime': 'real-time scheduling is not supported',
  'data-path-addr': cluster,
  'default-gateway': ownBridge,
  'default-gateway-v6': ownBridge,
  experimental: 'there are no experimental features',
  'firewall-backend': 'the firewall is nftables',
  'http-proxy': 'it is written as proxies: {"http-proxy": …}',
  'https-proxy': 'it is written as proxies: {"https-proxy": …}',
  'init-path': 'the init is the tini of the distribution',
  'ip-forward-no-drop': "the engine does not change the policy of the host's filter",
  'network-control-plane-mtu': cluster,
  'no-proxy': 'it is written as proxies: {"no-proxy": …}',
  'node-generic-resources': cluster,
  'raw-logs': 'logs are written without colours in any case',
  rootless: 'the engine needs root',
  'selinux-enabled': 'SELinux is not supported',
  'storage-opts': 'overlay2 has no options here',
  'swarm-default-advertise-addr': cluster,
  'userland-proxy-path': 'there is no proxy process',
  'userns-remap': 'user namespaces are not supported',
};
