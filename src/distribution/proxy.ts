import { BlockList, isIP } from 'node:net';
import { nameOfHost } from './hosts.ts';
import type { RegistrySettings } from './types.ts';

type Proxies = RegistrySettings['proxies'];

/** The proxies of the environment, where nothing else is said. */
export function proxiesOfEnvironment(environment: Readonly<Record<string, string | undefined>>): Proxies {
  const read = (name: string) => environment[name] || environment[name.toLowerCase()];
  const [http, https, none] = [read('HTTP_PROXY'), read('HTTPS_PROXY'), read('NO_PROXY')];
  return { ...(http && { http }), ...(https && { https }), ...(none && { none }) };
}

/** Whether an entry of NO_PROXY means this host, as Go reads it: a name and all below it, an address, a network, with a port or not. */
function excludes(entry: string, name: string, port: string): boolean {
  if (entry === '*') return true;
  const family = isIP(name);
  const [network = '', prefix] = entry.split('/');
  if (prefix !== undefined) {
    if (family === 0 || isIP(network) !== family) return false;
    const list = new BlockList();
    list.addSubnet(network, Number(prefix), family === 6 ? 'ipv6' : 'ipv4');
    return list.check(name, family === 6 ? 'ipv6' : 'ipv4');
  }
  if (isIP(entry.replace(/^\[|\]$/g, '')) !== 0) return entry.replace(/^\[|\]$/g, '') === name;
  const [, host = '', itsPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (itsPort !== undefined && itsPort !== port) return false;
  const domain = host.replace(/^\*?\./, '').replace(/^\[|\]$/g, '');
  if (domain === '') return false;
  const below = name.endsWith(`.${domain}`);
  return /^\*?\./.test(host) ? below : below || name === domain;
}

/** The proxy by which a URL is reached; undefined for none. This machine itself never has one. */
export function proxyFor(url: URL, { http, https, none = '' }: Proxies): string | undefined {
  const proxy = url.protocol === 'https:' ? https : http;
  if (!proxy) return undefined;
  const name = nameOfHost(url.host).toLowerCase();
  if (name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'))) return undefined;
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const entries = none.split(',').map((entry) => entry.trim().toLowerCase());
  if (entries.some((entry) => entry !== '' && excludes(entry, name, port))) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}
