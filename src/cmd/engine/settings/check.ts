import { isIP } from 'node:net';
import { parseHost } from '#http';
import { fail } from '#std/errors';
import { checkNetworks } from './networks.ts';
import type { Values } from './read.ts';
import { choices } from './table.ts';

function refuse(message: string): Error {
  return fail('invalid-argument', message);
}

/** A value that is none of those that its setting may have. */
function stranger(values: Values, name: string): string | undefined {
  const value = values.text(name);
  return value === undefined || choices[name]?.includes(value) ? undefined : value;
}

function checkChoices(values: Values): void {
  const level = stranger(values, 'log-level');
  if (level !== undefined) throw refuse(`invalid logging level: ${level}`);
  const format = stranger(values, 'log-format');
  if (format !== undefined) throw refuse(`invalid log format: ${format}`);
  const ipc = stranger(values, 'default-ipc-mode');
  if (ipc !== undefined) {
    throw refuse(`default IPC mode setting (${ipc}) is invalid; use "shareable" or "private"`);
  }
  const cgroupns = stranger(values, 'default-cgroupns-mode');
  if (cgroupns !== undefined) {
    throw refuse(`invalid default cgroup namespace (${cgroupns}): use "host" or "private"`);
  }
}

/** Settings of which one value alone is what the engine does; the other is refused by name. */
function checkFixed(values: Values): void {
  for (const name of ['iptables', 'ip6tables', 'ip-forward']) {
    if (values.flag(name) === false) throw refuse(`${name}: false is not supported`);
  }
  const storage = values.text('storage-driver');
  if (storage !== undefined && storage !== 'overlay2') {
    throw refuse(`storage-driver: ${storage} is not supported: images and containers are on overlay2`);
  }
  for (const option of values.list('exec-opts')) {
    if (option !== 'native.cgroupdriver=cgroupfs') {
      throw refuse(`exec-opts: ${option} is not supported: the cgroup driver is cgroupfs`);
    }
  }
  for (const [name, on] of Object.entries(values.record<boolean>('features'))) {
    if (on && name !== 'buildkit') throw refuse(`features: ${name} is not supported`);
  }
}

function checkNumbers(values: Values): void {
  const mtu = values.number('mtu');
  if (mtu !== undefined && (mtu < 0 || mtu > 65_535)) throw refuse(`invalid default MTU: ${mtu}`);
  const words = {
    'max-concurrent-downloads': 'max concurrent downloads',
    'max-concurrent-uploads': 'max concurrent uploads',
    'max-download-attempts': 'max download attempts',
  };
  for (const [name, what] of Object.entries(words)) {
    const value = values.number(name);
    if (value !== undefined && value < 0) throw refuse(`invalid ${what}: ${value}`);
  }
  const timeout = values.number('shutdown-timeout');
  if (timeout !== undefined && timeout < -1) throw refuse(`invalid shutdown timeout: ${timeout}`);
}

function checkLabels(labels: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const label of labels) {
    const equals = label.indexOf('=');
    if (equals < 1) throw refuse(`bad attribute format: ${label}`);
    const key = label.slice(0, equals);
    const other = seen.get(key);
    if (other !== undefined && other !== label) throw refuse(`conflict labels for ${label} and ${other}`);
    seen.set(key, label);
  }
}

function checkMirrors(values: Values): void {
  for (const mirror of values.list('registry-mirrors')) {
    if (!/^https?:\/\/[^/?#]+\/?$/.test(mirror)) {
      const reason = /:\/\//.test(mirror) ? 'it must be a host alone' : 'no scheme specified';
      throw refuse(`invalid mirror: ${reason} for ${JSON.stringify(mirror)}: must use either 'https://' or 'http://'`);
    }
  }
  for (const mirror of Object.values(values.record<readonly string[]>('registry-mirrors-by-host')).flat()) {
    if (!/^https?:\/\/[^?#\s]+$/.test(mirror) || !URL.canParse(mirror)) {
      throw refuse(`invalid mirror: ${JSON.stringify(mirror)}: must use either 'https://' or 'http://'`);
    }
  }
}

function checkAddresses(values: Values): void {
  for (const name of ['dns', 'host-gateway-ips']) {
    for (const address of values.list(name)) if (isIP(address) === 0) throw refuse(`invalid IP address: ${address}`);
  }
  for (const domain of values.list('dns-search')) {
    if (!/^(?:\.|[A-Za-z0-9_]([A-Za-z0-9_.-]{0,253}[A-Za-z0-9_.])?)$/.test(domain)) {
      throw refuse(`${domain} is not a valid domain`);
    }
  }
  checkNetworks(values);
  const metrics = values.text('metrics-addr');
  if (metrics !== undefined) parseHost(`tcp://${metrics}`);
}

/** Whether an address is of this machine's own loopback. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** The API gives root on this host: beyond this machine nobody may reach it who has not shown a certificate. */
function checkHosts(values: Values): void {
  for (const host of values.list('hosts')) {
    const place = parseHost(host);
    if (place.kind === 'tcp' && !isLoopback(place.host) && !values.flag('tlsverify')) {
      throw refuse(
        `${host}: whoever reaches this address has root on this host; beyond this machine the API is served only with --tlsverify, --tlscacert, --tlscert and --tlskey`,
      );
    }
  }
}

const builtinRuntimes = ['runc', 'crun', 'io.containerd.runc.v2'];

function checkRuntimes(values: Values): void {
  const named = Object.keys(values.record('runtimes'));
  for (const name of named) if (builtinRuntimes.includes(name)) throw refuse(`runtime name '${name}' is reserved`);
  const preset = values.text('default-runtime');
  if (preset !== undefined && ![...builtinRuntimes, ...named].includes(preset)) {
    throw refuse(`specified default runtime '${preset}' does not exist`);
  }
}

/** Refuses, in dockerd's words where it has words, values that contradict each other or that cannot be. */
export function checkSettings(values: Values): void {
  checkChoices(values);
  checkFixed(values);
  checkNumbers(values);
  checkLabels(values.list('labels'));
  checkAddresses(values);
  checkMirrors(values);
  checkHosts(values);
  checkRuntimes(values);
}
