import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import type { JournalTarget, SyslogTarget } from '#keeper';
import { fail } from '#std/errors';
import { shortId } from '#std/identifiers';
import type { ContainerRecord } from '../record.ts';
import { extraAttributes } from './attributes.ts';
import { badOption, booleanOption, type LogDriverOptions } from './option-values.ts';
import { tagOf } from './tag.ts';

const defaultTag = '{{.ID}}';
const syslogPort = 514;
const localSyslogSockets = ['/dev/log', '/var/run/syslog', '/var/run/log'];
const facilities = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['', '', '', '', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
];
const defaultFacility = 'daemon';
const formats = ['', 'rfc3164', 'rfc5424', 'rfc5424micro'] as const;
const transports = ['udp', 'tcp', 'tcp+tls', 'unix', 'unixgram'] as const;

/** Where the journal listens, unless the environment of the engine says otherwise. */
function journalSocket(): string {
  return process.env.ESTIBA_JOURNAL_SOCKET || '/run/systemd/journal/socket';
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function refuse(message: string): Error {
  return fail('invalid-argument', message);
}

type Place = Pick<SyslogTarget, 'transport' | 'address'>;

/** `udp://host:port` and its like, taken apart; undefined for the host's own syslog. */
function placeOf(address: string | undefined): Place | undefined {
  if (!address) return undefined;
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(address) ?? [];
  const transport = transports.find((each) => each === scheme);
  if (transport === undefined) throw refuse(`unsupported scheme: '${scheme}'`);
  if (transport === 'unix' || transport === 'unixgram') {
    if (!isThere(rest)) throw refuse(`stat ${rest}: no such file or directory`);
    return { transport, address: rest };
  }
  const [, host = '', port] = /^(\[[^\]]*\]|[^:/?#]*)(?::([^/?#]*))?(?:[/?#].*)?$/.exec(rest) ?? [];
  if (port !== undefined && (!/^\d*$/.test(port) || Number(port) > 65_535))
    throw refuse(`parse ${JSON.stringify(address)}: invalid port ":${port}" after host`);
  return { transport, address: `${host || 'localhost'}:${port || syslogPort}` };
}

function facilityOf(text: string = defaultFacility): number {
  const named = text === '' ? facilities.indexOf(defaultFacility) : facilities.indexOf(text);
  if (named >= 0) return named << 3;
  if (/^\d{1,3}$/.test(text) && Number(text) < facilities.length) return Number(text) << 3;
  throw refuse('invalid syslog facility');
}

/** Throws when an option of the syslog driver makes no sense. */
export function checkSyslog(options: LogDriverOptions): void {
  placeOf(options['syslog-address']);
  facilityOf(options['syslog-facility']);
  if (!formats.some((format) => format === (options['syslog-format'] ?? ''))) throw refuse('Invalid syslog format');
  if (options['syslog-tls-skip-verify']) booleanOption(options['syslog-tls-skip-verify']);
}

/** A tag as it goes to a server: it cannot begin a new line, nor, where a space ends it, a new field. */
function safeTag(tag: string, format: string): string {
  const unsafe = format.startsWith('rfc5424') ? /[\p{Cc}\p{Zs}]/gu : /\p{Cc}/gu;
  return tag.replace(unsafe, '_');
}

function tlsOf(options: LogDriverOptions): NonNullable<SyslogTarget['tls']> {
  const files = { ca: options['syslog-tls-ca-cert'], cert: options['syslog-tls-cert'], key: options['syslog-tls-key'] };
  for (const [name, path] of Object.entries(files)) {
    if (!path || isThere(path)) continue;
    const what = name === 'ca' ? `could not read CA certificate "${path}"` : `could not load X509 key pair`;
    throw badOption(`${what}: open ${path}: no such file or directory`);
  }
  return {
    ...(files.ca && { ca: files.ca }),
    ...(files.cert && { cert: files.cert }),
    ...(files.key && { key: files.key }),
    skipVerify: Boolean(options['syslog-tls-skip-verify']) && booleanOption(options['syslog-tls-skip-verify'] ?? ''),
  };
}

/** Where the lines of a container go by the syslog driver. Throws when the host's own syslog is asked for and is not there. */
export function syslogTarget(record: ContainerRecord, options: LogDriverOptions): SyslogTarget {
  const format = formats.find((each) => each === options['syslog-format']) ?? '';
  const own = localSyslogSockets.find(isThere);
  const place = placeOf(options['syslog-address']) ?? (own && { transport: 'unixgram' as const, address: own });
  if (!place) throw badOption('Unix syslog delivery error');
  return {
    driver: 'syslog',
    ...place,
    ...(place.transport === 'tcp+tls' && { tls: tlsOf(options) }),
    facility: facilityOf(options['syslog-facility']),
    format,
    tag: safeTag(tagOf(record, options.tag || defaultTag), format),
    hostname: hostname(),
    pid: process.pid,
  };
}

/** A name as the journal takes them: capitals, digits and underscores, none of these first. */
function fieldName(name: string): string {
  return name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')
    .replace(/^_+/, '');
}

/** The journal's entries of a container. Throws when there is no journal. */
export function journalTarget(record: ContainerRecord, options: LogDriverOptions): JournalTarget {
  const socket = journalSocket();
  if (!isThere(socket)) throw badOption('journald is not enabled on this host');
  const tag = tagOf(record, options.tag || defaultTag);
  const extra = [...extraAttributes(record, options)].map(([name, value]) => [fieldName(name), value] as const);
  return {
    driver: 'journald',
    socket,
    fields: {
      ...Object.fromEntries(extra.filter(([name]) => name !== '')),
      CONTAINER_ID: shortId(record.id),
      CONTAINER_ID_FULL: record.id,
      CONTAINER_NAME: record.name,
      CONTAINER_TAG: tag,
      IMAGE_NAME: record.config.Image,
      SYSLOG_IDENTIFIER: tag,
    },
  };
}
