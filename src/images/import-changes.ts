import type { ContainerConfig, HealthConfig } from '#api';
import { parseDurationNs } from '#std/duration';
import { fail } from '#std/errors';
import { parseJsonWords, parsePairs, splitWords, unquote } from './import-words.ts';

type Config = Partial<ContainerConfig>;
type Instruction = (config: Config, text: string) => Config;

/** The JSON form as it stands, or the text for the shell to read. */
function command(text: string): string[] {
  return parseJsonWords(text) ?? (text === '' ? [] : ['/bin/sh', '-c', text]);
}

function setEnvironment(config: Config, text: string): Config {
  const variables = [...(config.Env ?? [])];
  for (const [key, value] of parsePairs('ENV', text)) {
    const at = variables.findIndex((variable) => variable.startsWith(`${key}=`));
    if (at === -1) variables.push(`${key}=${value}`);
    else variables[at] = `${key}=${value}`;
  }
  return { ...config, Env: variables };
}

/** `80`, `80/udp`, `8000-8002/tcp`, each its own key. */
function exposedPorts(word: string): string[] {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(word);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first < 1 || last > 65535 || last < first) {
    throw fail('invalid-argument', `invalid containerPort: ${word}`);
  }
  const protocol = (match[3] ?? 'tcp').toLowerCase();
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}

function expose(config: Config, text: string): Config {
  const words = splitWords(text).map(unquote);
  if (words.length === 0) throw fail('invalid-argument', 'EXPOSE requires at least one argument');
  const added = words.flatMap(exposedPorts).map((port) => [port, {}] as const);
  return { ...config, ExposedPorts: { ...config.ExposedPorts, ...Object.fromEntries(added) } };
}

function addVolumes(config: Config, text: string): Config {
  const words = parseJsonWords(text) ?? splitWords(text).map(unquote);
  if (words.length === 0) throw fail('invalid-argument', 'VOLUME requires at least one argument');
  if (words.includes('')) throw fail('invalid-argument', 'VOLUME specified can not be an empty string');
  return { ...config, Volumes: { ...config.Volumes, ...Object.fromEntries(words.map((word) => [word, {}])) } };
}

/** A later relative path goes below an earlier one. */
function setWorkingDirectory(config: Config, text: string): Config {
  const word = unquote(text);
  if (word === '') throw fail('invalid-argument', 'WORKDIR requires exactly one argument');
  const joined = word.startsWith('/') ? word : `${config.WorkingDir ?? ''}/${word}`;
  const parts: string[] = [];
  for (const part of joined.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return { ...config, WorkingDir: `/${parts.join('/')}` };
}

function duration(text: string): number {
  const value = parseDurationNs(text);
  if (value === undefined || value < 0) throw fail('invalid-argument', `time: invalid duration "${text}"`);
  return value;
}

const healthOptions: Readonly<Record<string, (value: string) => HealthConfig>> = {
  interval: (value) => ({ Interval: duration(value) }),
  timeout: (value) => ({ Timeout: duration(value) }),
  'start-period': (value) => ({ StartPeriod: duration(value) }),
  'start-interval': (value) => ({ StartInterval: duration(value) }),
  retries: (value) => ({ Retries: Number(value) }),
};

function setHealthcheck(config: Config, text: string): Config {
  let rest = text;
  let health: HealthConfig = {};
  for (;;) {
    const match = /^--([a-z-]+)=(\S+)\s*/.exec(rest);
    if (match === null) break;
    const option = healthOptions[match[1] ?? ''];
    if (option === undefined) throw fail('invalid-argument', `unknown flag: --${match[1]}`);
    health = { ...health, ...option(match[2] ?? '') };
    rest = rest.slice(match[0].length);
  }
  const [kind = '', ...words] = rest.split(/\s+/);
  const argument = rest.slice(kind.length).trim();
  if (kind.toUpperCase() === 'NONE' && words.length === 0) return { ...config, Healthcheck: { Test: ['NONE'] } };
  if (kind.toUpperCase() !== 'CMD') {
    throw fail('invalid-argument', `Unknown type "${kind.toUpperCase()}" in HEALTHCHECK (try CMD)`);
  }
  if (argument === '') throw fail('invalid-argument', 'Missing command after HEALTHCHECK CMD');
  const json = parseJsonWords(argument);
  return { ...config, Healthcheck: { Test: json ? ['CMD', ...json] : ['CMD-SHELL', argument], ...health } };
}

function addTrigger(config: Config, text: string): Config {
  const trigger = text.split(/\s/, 1)[0]?.toUpperCase() ?? '';
  if (trigger === '') throw fail('invalid-argument', 'ONBUILD requires at least one argument');
  if (trigger === 'ONBUILD') throw fail('invalid-argument', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === 'FROM' || trigger === 'MAINTAINER') {
    throw fail('invalid-argument', `${trigger} isn't allowed as an ONBUILD trigger`);
  }
  return { ...config, OnBuild: [...(config.OnBuild ?? []), text] };
}

function single(name: string, text: string): string {
  const words = splitWords(text);
  if (words.length !== 1) throw fail('invalid-argument', `${name} requires exactly one argument`);
  return unquote(words[0] ?? '');
}

const instructions: Readonly<Record<string, Instruction>> = {
  CMD: (config, text) => ({ ...config, Cmd: command(text) }),
  ENTRYPOINT: (config, text) => ({ ...config, Entrypoint: command(text) }),
  ENV: setEnvironment,
  EXPOSE: expose,
  HEALTHCHECK: setHealthcheck,
  LABEL: (config, text) => ({
    ...config,
    Labels: { ...config.Labels, ...Object.fromEntries(parsePairs('LABEL', text)) },
  }),
  ONBUILD: addTrigger,
  STOPSIGNAL: (config, text) => ({ ...config, StopSignal: single('STOPSIGNAL', text) }),
  USER: (config, text) => ({ ...config, User: single('USER', text) }),
  VOLUME: addVolumes,
  WORKDIR: setWorkingDirectory,
};

/** Applies the Dockerfile instructions of `docker import --change` in turn; throws `invalid-argument` in Docker's words. */
export function applyChanges(changes: readonly string[], config: Config = {}): Config {
  let hasCommand = false;
  return changes.reduce((changed, line) => {
    const text = line.trim();
    const name = text.split(/\s/, 1)[0] ?? '';
    const instruction = instructions[name.toUpperCase()];
    if (instruction === undefined) throw fail('invalid-argument', `${name} is not a valid change command`);
    const result = instruction(changed, text.slice(name.length).trim());
    if (name.toUpperCase() === 'CMD') hasCommand = true;
    // A new entrypoint takes the old command away, which was meant for another program.
    return name.toUpperCase() === 'ENTRYPOINT' && !hasCommand && result.Cmd != null ? { ...result, Cmd: null } : result;
  }, config);
}
