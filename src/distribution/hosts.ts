import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { fail } from '#std/errors';

/** Docker Hub as references name it. */
export const hubHost = 'docker.io';
/** Where Docker Hub's registry answers. */
const hubRegistryHost = 'registry-1.docker.io';
const hubNames = [hubHost, 'index.docker.io', hubRegistryHost];

/** Where a registry is reached: `registry-1.docker.io` for Docker Hub, else its own `HOST[:PORT]`. */
export function servingHost(host: string): string {
  return host === hubHost || host === 'index.docker.io' ? hubRegistryHost : host;
}

/** The registry and the repository in it that a name in full has: `docker.io`, `library/busybox`. */
export function splitName(name: string): { host: string; path: string } {
  const slash = name.indexOf('/');
  if (slash <= 0) throw fail('invalid-argument', `invalid reference format: ${name} has no registry`);
  return { host: name.slice(0, slash), path: name.slice(slash + 1) };
}

/** The host of a registry, as credentials name it: with or without a scheme and a path. */
export function hostOfAddress(address: string | undefined): string {
  if (address === undefined || address === '') return hubHost;
  const url = /^https?:\/\//.test(address) ? address : `https://${address}`;
  if (!URL.canParse(url))
    throw fail('invalid-argument', `unable to parse server address: parse ${JSON.stringify(url)}`);
  // The port stays as it was written: URL would drop 443.
  const host = /^https?:\/\/(?:[^@/]*@)?([^/?#]*)/.exec(url)?.[1] ?? '';
  return hubNames.includes(host) ? hubHost : host;
}

/** Without the port, and without the brackets of an IPv6 address. */
export function nameOfHost(host: string): string {
  return new URL(`https://${host}`).hostname.replace(/^\[|\]$/g, '');
}

/** Whether plain HTTP, or an unknown certificate, is good enough: for this machine itself, and where the settings say so. */
export async function isInsecure(host: string, listed: readonly string[]): Promise<boolean> {
  const name = nameOfHost(host);
  if (listed.includes(host) || listed.includes(name)) return true;
  const networks = new BlockList();
  for (const network of ['127.0.0.0/8', '::1/128', ...listed]) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address);
    if (prefix !== undefined && family !== 0)
      networks.addSubnet(address, Number(prefix), family === 6 ? 'ipv6' : 'ipv4');
  }
  const addresses = isIP(name) === 0 ? await lookup(name, { all: true }).catch(() => []) : [{ address: name }];
  return addresses.some(({ address }) => networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
}

/**
 * Whether an answer came from the registry itself (`home` is one of its URLs): from its origin, or from its host by HTTPS. What
 * another server, which a redirect led to, asks for is not to be had: its token server would be told the password.
 */
export function isFromHome(url: string, home: string): boolean {
  const [answered, asked] = [new URL(url), new URL(home)];
  return answered.origin === asked.origin || (answered.host === asked.host && answered.protocol === 'https:');
}
