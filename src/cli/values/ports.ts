import type { PortBinding } from '#api';
import { fail } from '#std/errors';
import { isAddress } from './addresses.ts';

export interface PublishedPorts {
  readonly exposed: Readonly<Record<string, object>>;
  readonly bindings: Readonly<Record<string, PortBinding[]>>;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

function parseRange(text: string): Range | undefined {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (!match) return undefined;
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  return to < from || to > 65_535 ? undefined : { from, to };
}

function splitProtocol(spec: string): { ports: string; protocol: string } {
  const slash = spec.indexOf('/');
  const ports = slash < 0 ? spec : spec.slice(0, slash);
  const protocol = (slash < 0 ? '' : spec.slice(slash + 1)).toLowerCase() || 'tcp';
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw fail('invalid-argument', `invalid proto: ${protocol}`);
  return { ports, protocol };
}

/** `published=8080,target=80,protocol=tcp` in the short form; docker looks at nothing else in it. */
function fromLongForm(spec: string): string {
  const fields = new Map([['protocol', 'tcp']]);
  for (const field of spec.split(',')) {
    const equals = field.indexOf('=');
    if (equals <= 0) {
      throw fail('invalid-argument', `invalid publish opts format (should be name=value but got '${field}')`);
    }
    fields.set(field.slice(0, equals), field.slice(equals + 1));
  }
  return `${fields.get('published') ?? ''}:${fields.get('target') ?? ''}/${fields.get('protocol')}`;
}

/** One `--publish`: `[[ip:][hostPort[-range]]:]containerPort[-range][/protocol]`. */
function parsePublish(given: string): [port: string, binding: PortBinding][] {
  const spec = given.includes('=') ? fromLongForm(given) : given;
  const { ports, protocol } = splitProtocol(spec);
  const parts = ports.split(':');
  const containerText = parts.pop() ?? '';
  const hostText = parts.pop() ?? '';
  const ip = parts.join(':').replace(/^\[(.*)\]$/, '$1');
  if (ip !== '' && !isAddress(ip)) throw fail('invalid-argument', `invalid IP address: ${ip}`);
  if (containerText === '') throw fail('invalid-argument', `no port specified: ${spec}<empty>`);
  const container = parseRange(containerText);
  if (!container) throw fail('invalid-argument', `invalid containerPort: ${containerText}`);
  const host = hostText === '' ? undefined : parseRange(hostText);
  if (hostText !== '' && !host) throw fail('invalid-argument', `invalid hostPort: ${hostText}`);
  const count = container.to - container.from;
  if (host && host.to - host.from !== count && count !== 0) {
    const message = `invalid ranges specified for container and host Ports: ${containerText} and ${hostText}`;
    throw fail('invalid-argument', message);
  }
  return Array.from({ length: count + 1 }, (_, index) => {
    // A range of host ports for one container port leaves the choice to the engine.
    const chosen = host && count === 0 && host.to !== host.from ? hostText : undefined;
    const hostPort = chosen ?? (host ? String(host.from + index) : '');
    return [`${container.from + index}/${protocol}`, { HostIp: ip, HostPort: hostPort }];
  });
}

function parseExpose(spec: string): string[] {
  if (spec.includes(':')) throw fail('invalid-argument', `invalid port format for --expose: ${spec}`);
  const slash = spec.indexOf('/');
  const ports = slash < 0 ? spec : spec.slice(0, slash);
  // What protocol it can be is the engine's to say.
  const protocol = slash < 0 ? 'tcp' : spec.slice(slash + 1);
  const range = parseRange(ports);
  if (!range) {
    const wrong = ports.split('-').find((part) => !/^\d+$/.test(part));
    const reason =
      wrong === undefined
        ? `invalid range specified for port: ${ports}`
        : `strconv.ParseUint: parsing "${wrong}": invalid syntax`;
    throw fail('invalid-argument', `invalid range format for --expose: ${spec}, error: ${reason}`);
  }
  return Array.from({ length: range.to - range.from + 1 }, (_, index) => `${range.from + index}/${protocol}`);
}

/**
 * The ports that `--publish` and `--expose` name.
 * @throws `invalid-argument`
 */
export function parsePorts(publish: readonly string[], expose: readonly string[]): PublishedPorts {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, PortBinding[]> = {};
  for (const spec of publish) {
    for (const [port, binding] of parsePublish(spec)) {
      exposed[port] = {};
      bindings[port] = [...(bindings[port] ?? []), binding];
    }
  }
  for (const spec of expose) for (const port of parseExpose(spec)) exposed[port] = {};
  return { exposed, bindings };
}
