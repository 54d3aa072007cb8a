import { parseDurationNs } from '#std/duration';
import { fail } from '#std/errors';
import { readFlags } from './flags.ts';
import { heredocText, parseHeredocMark } from './heredoc.ts';
import type {
  AddInstruction,
  Argument,
  CommandLine,
  CopyInstruction,
  DeviceRequest,
  HealthcheckInstruction,
  InlineFile,
  Instruction,
  KeyValue,
  OnbuildInstruction,
  RunInstruction,
} from './instruction.ts';
import { parseMountFrom, splitCsv } from './mount.ts';
import { quoteGo } from './quote.ts';
import { didYouMean } from './suggest.ts';
import { keywords, type Node } from './syntax.ts';

const wrong = (message: string): Error => fail('invalid-argument', message);
const texts = (node: Node): string[] => node.words.map(({ text }) => text);

function atLeastOne(node: Node): string[] {
  if (node.words.length === 0) throw wrong(`${node.name} requires at least one argument`);
  return texts(node);
}

function exactlyOne(node: Node): string {
  const [value] = texts(node);
  if (value === undefined || node.words.length > 1) throw wrong(`${node.name} requires exactly one argument`);
  return value;
}

function pairsOf(node: Node): (KeyValue & { isLegacy: boolean })[] {
  readFlags(node.flags, {});
  if (node.pairs.length === 0) throw wrong(`${node.name} requires at least one argument`);
  return node.pairs.map(({ key, value, isLegacy }) => {
    if (key.text === '') throw wrong(`${node.name} names can not be blank`);
    return { key: key.text, value: value.text, isLegacy };
  });
}

/** What a comment above says about a name: a line that begins with it. */
export function descriptionOf(node: Node, name: string): string | undefined {
  return name === '' ? undefined : node.comments.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
}

function commandOf(node: Node): CommandLine {
  return { words: texts(node), isShell: !node.isJson, heredocs: node.heredocs };
}

function argumentsOf(node: Node): Argument[] {
  return atLeastOne(node).map((text) => {
    const split = text.indexOf('=');
    const key = split === -1 ? text : text.slice(0, split);
    if (key === '') throw wrong('ARG names can not be blank');
    const description = descriptionOf(node, key);
    return {
      key,
      ...(split !== -1 && { value: text.slice(split + 1) }),
      ...(description !== undefined && { description }),
    };
  });
}

function heredocMarkOrNone(word: string): ReturnType<typeof parseHeredocMark> {
  try {
    return parseHeredocMark(word);
  } catch {
    return undefined;
  }
}

function transferOf(node: Node): { sources: string[]; files: InlineFile[]; destination: string } {
  const words = texts(node);
  const destination = words.pop() ?? '';
  if (heredocMarkOrNone(destination) !== undefined) {
    throw wrong(`${node.name} cannot accept a heredoc as a destination`);
  }
  const sources: string[] = [];
  const files: InlineFile[] = [];
  for (const word of words) {
    const mark = heredocMarkOrNone(word);
    const heredoc = mark && node.heredocs.find(({ name }) => name === mark.name);
    if (mark === undefined) sources.push(word);
    else
      files.push({
        name: mark.name,
        content: heredoc === undefined ? '' : heredocText({ ...heredoc, chomps: mark.chomps }),
        expands: mark.expands,
      });
  }
  return { sources, files, destination };
}

function requireDestination(node: Node): void {
  if (node.words.length >= 2) return;
  const why = 'but only one was provided. Destination could not be determined';
  throw wrong(`${node.name} requires at least two arguments, ${why}`);
}

const transferFlags = { chown: 'text', chmod: 'text', link: 'boolean', exclude: 'list' } as const;

function parseCopy(node: Node): CopyInstruction {
  requireDestination(node);
  const flags = readFlags(node.flags, { ...transferFlags, from: 'text', parents: 'boolean' });
  const { chown, chmod, from, exclude } = flags;
  const common = { chown, chmod, from, excludes: exclude, link: flags.link === true, parents: flags.parents === true };
  return { type: 'COPY', node, ...transferOf(node), ...common };
}

function parseAdd(node: Node): AddInstruction {
  requireDestination(node);
  const table = { ...transferFlags, 'keep-git-dir': 'boolean', checksum: 'text', unpack: 'boolean' } as const;
  const flags = readFlags(node.flags, table);
  return {
    type: 'ADD',
    node,
    ...transferOf(node),
    chown: flags.chown,
    chmod: flags.chmod,
    link: flags.link === true,
    excludes: flags.exclude,
    checksum: flags.checksum,
    keepGitDirectory: flags['keep-git-dir'] === true,
    ...(flags.unpack !== undefined && { unpack: flags.unpack }),
  };
}

function parseDevice(text: string): DeviceRequest {
  let name = '';
  let required = false;
  for (const field of splitCsv(text, 'devices')) {
    const [key = '', value] = field.split(/=([\s\S]*)/, 2);
    if (value === undefined && key === 'required') required = true;
    else if (value === undefined || (key === 'name' && value !== '')) {
      // A device's own name has a `=`: `vendor.com/class=name`.
      if (name !== '' && value === undefined) throw wrong(`device name already set to ${name}`);
      name = value ?? key;
    } else if (key === 'required' && (value === 'true' || value === 'false')) required = value === 'true';
    else if (key.includes('/') && name === '') name = field;
    else throw wrong(`unexpected key '${key}' in '${field}'${didYouMean(key, ['name', 'required'], true)}`);
  }
  if (name === '') throw wrong('device name is required');
  return { name, required };
}

function choice<const T extends string>(value: string, options: readonly T[], what: string): T {
  const [first] = options;
  const found = value === '' ? first : options.find((option) => option === value);
  if (found === undefined) throw wrong(`invalid ${what} ${quoteGo(value)}`);
  return found;
}

function parseRun(node: Node): RunInstruction {
  const flags = readFlags(node.flags, { mount: 'list', network: 'text', security: 'text', device: 'list' });
  return {
    type: 'RUN',
    node,
    command: commandOf(node),
    mountTexts: flags.mount,
    mounts: flags.mount.map(parseMountFrom),
    network: choice(flags.network, ['default', 'none', 'host'], 'network mode'),
    security: choice(flags.security, ['sandbox', 'insecure'], 'security mode'),
    devices: flags.device.map(parseDevice),
  };
}

function intervalOf(name: string, text: string): number {
  if (text === '') return 0;
  const ns = parseDurationNs(text);
  if (ns === undefined) {
    const [, unit] = /^[+-]?\d*\.?\d+([^\d.]*)/.exec(text) ?? [];
    const unknown = unit === '' ? 'missing unit in' : `unknown unit ${quoteGo(unit ?? '')} in`;
    throw wrong(`time: ${unit === undefined ? 'invalid' : unknown} duration ${quoteGo(text)}`);
  }
  if (ns !== 0 && ns < 1e6) throw wrong(`Interval ${quoteGo(name)} cannot be less than 1ms`);
  return ns;
}

function retriesOf(text: string): number {
  if (text === '') return 0;
  const parse = (why: string): Error => wrong(`strconv.ParseInt: parsing ${quoteGo(text)}: ${why}`);
  if (!/^[+-]?\d+$/.test(text)) throw parse('invalid syntax');
  const retries = Number(text);
  if (Math.abs(retries) > 0x7fff_ffff) throw parse('value out of range');
  if (retries < 0) throw wrong(`--retries cannot be negative (${retries})`);
  return retries;
}

function parseHealthcheck(node: Node): HealthcheckInstruction {
  const [type = '', ...words] = atLeastOne(node);
  const kind = type.toUpperCase();
  const none = { interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };
  if (kind === 'NONE') {
    if (words.length > 0) throw wrong('HEALTHCHECK NONE takes no arguments');
    return { type: 'HEALTHCHECK', node, test: ['NONE'], ...none };
  }
  const table = {
    interval: 'text',
    timeout: 'text',
    'start-period': 'text',
    'start-interval': 'text',
    retries: 'text',
  } as const;
  const flags = readFlags(node.flags, table);
  if (kind !== 'CMD') throw wrong(`Unknown type ${quoteGo(kind)} in HEALTHCHECK (try CMD)`);
  if (words.length === 0) throw wrong('Missing command after HEALTHCHECK CMD');
  return {
    type: 'HEALTHCHECK',
    node,
    test: [node.isJson ? 'CMD' : 'CMD-SHELL', ...words],
    interval: intervalOf('interval', flags.interval),
    timeout: intervalOf('timeout', flags.timeout),
    startPeriod: intervalOf('start-period', flags['start-period']),
    startInterval: intervalOf('start-interval', flags['start-interval']),
    retries: retriesOf(flags.retries),
  };
}

function parseOnbuild(node: Node): OnbuildInstruction {
  const [word = ''] = atLeastOne(node);
  readFlags(node.flags, {});
  const name = word.toUpperCase();
  if (name === 'ONBUILD') throw wrong("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (name === 'MAINTAINER' || name === 'FROM') throw wrong(`${name} isn't allowed as an ONBUILD trigger`);
  const documents = node.heredocs.map((one) => `\n${one.content}${one.name}`);
  return { type: 'ONBUILD', node, trigger: node.code.replace(/^\s*ONBUILD\s*/i, '') + documents.join('') };
}

function listOf(type: 'EXPOSE' | 'VOLUME' | 'SHELL', node: Node): Instruction {
  const values = atLeastOne(node);
  readFlags(node.flags, {});
  if (type === 'SHELL' && !node.isJson) throw wrong('SHELL requires the arguments to be in JSON form');
  if (type === 'EXPOSE') return { type, node, values: values.sort() };
  if (type === 'SHELL') return { type, node, values };
  const paths = values.map((value) => value.trim());
  if (paths.includes('')) throw wrong('VOLUME specified can not be an empty string');
  return { type, node, values: paths };
}

const withoutFlags = (node: Node): Node => {
  readFlags(node.flags, {});
  return node;
};
const text =
  (type: 'USER' | 'WORKDIR' | 'MAINTAINER') =>
  (node: Node): Instruction => ({
    type,
    value: exactlyOne(node),
    node: withoutFlags(node),
  });

const parsers: Readonly<Record<string, (node: Node) => Instruction>> = {
  ADD: parseAdd,
  ARG: (node) => ({ type: 'ARG', node, arguments: argumentsOf(node) }),
  CMD: (node) => ({ type: 'CMD', node: withoutFlags(node), command: commandOf(node) }),
  COPY: parseCopy,
  ENTRYPOINT: (node) => ({ type: 'ENTRYPOINT', node: withoutFlags(node), command: commandOf(node) }),
  ENV: (node) => ({ type: 'ENV', node, pairs: pairsOf(node) }),
  EXPOSE: (node) => listOf('EXPOSE', node),
  HEALTHCHECK: parseHealthcheck,
  LABEL: (node) => ({ type: 'LABEL', node, pairs: pairsOf(node) }),
  MAINTAINER: text('MAINTAINER'),
  ONBUILD: parseOnbuild,
  RUN: parseRun,
  SHELL: (node) => listOf('SHELL', node),
  // Flags of this one are not looked at.
  STOPSIGNAL: (node) => ({ type: 'STOPSIGNAL', node, value: exactlyOne(node) }),
  USER: text('USER'),
  VOLUME: (node) => listOf('VOLUME', node),
  WORKDIR: text('WORKDIR'),
};

/** Gives a node its meaning. Throws `invalid-argument` in BuildKit's words, without the line. */
export function parseInstruction(node: Node): Instruction {
  const parser = Object.hasOwn(parsers, node.name) ? parsers[node.name] : undefined;
  if (parser === undefined) {
    throw wrong(`unknown instruction: ${node.keyword}${didYouMean(node.keyword, keywords, false)}`);
  }
  return parser(node);
}
