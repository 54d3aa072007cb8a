import { fail } from '#std/errors';

/** Whether the text is an IP address. Not `node:net`'s isIP: the module costs more to load than all else here. */
export function isAddress(text: string): boolean {
  if (text.includes(':')) return URL.canParse(`http://[${text}]/`);
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) < 256);
}

/** Checks a `--dns`. */
export function checkNameServer(text: string): string {
  const address = text.trim();
  if (isAddress(address)) return address;
  throw fail('invalid-argument', `IP address is not correctly formatted: ${text}`);
}

/** Checks a `--dns-search`; a dot alone stands for no search. */
export function checkSearchDomain(text: string): string {
  const domain = text.trim();
  const isDomain =
    /[a-z]/i.test(domain) && domain.split('.').every((part) => /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/i.test(part));
  if (domain === '.' || isDomain) return domain;
  throw fail('invalid-argument', `${domain} is not a valid domain`);
}

/** Checks an `--add-host`, and gives it in the form that the API knows: `name:address`. */
export function checkExtraHost(text: string): string {
  const [, name, given] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  if (name === undefined || given === undefined) throw fail('invalid-argument', `bad format for add-host: "${text}"`);
  const address = given.replace(/^\[(.*)\]$/, '$1');
  if (address !== 'host-gateway' && !isAddress(address)) {
    throw fail('invalid-argument', `invalid IP address in add-host: "${address}"`);
  }
  return `${name}:${address}`;
}

/** Checks a `--link`: `name[:alias]`. */
export function checkLink(text: string): string {
  if (text === '') throw fail('invalid-argument', 'empty string specified for links');
  if (text.split(':').length > 2) throw fail('invalid-argument', `bad format for links: ${text}`);
  return text;
}

/** Checks a `--mac-address`. */
export function checkMacAddress(text: string): string {
  const parts = text.split(/[:-]/);
  if (text === '' || ([6, 8, 20].includes(parts.length) && parts.every((part) => /^[0-9a-f]{2}$/i.test(part))))
    return text;
  if (/^[0-9a-f]{4}(?:\.[0-9a-f]{4}){2,}$/i.test(text)) return text;
  throw fail('invalid-argument', `${text} is not a valid mac address`);
}
