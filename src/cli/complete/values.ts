import type { ContainerStatus } from '#api';
import { type EngineClient, engineInfo, listContainers, listImages, listNetworks, listVolumes } from '#client';
import { defaultContext, listContexts } from '../connection/contexts.ts';
import type { ResolvedEngine } from '../connection/resolve.ts';
import type { NamedKind, ValueKind } from '../grammar/flag.ts';
import type { Candidate } from './wanted.ts';

/** What a shell is told beside the candidates: the bits of cobra's protocol, which docker's own scripts know too. */
export const directives = { error: 1, noSpace: 2, noFiles: 4, directories: 16 } as const;

/** What a value may be. */
export interface Choice {
  readonly candidates: readonly Candidate[];
  /** Bits of `directives`. */
  readonly directive: number;
}

type Engine = () => Promise<ResolvedEngine>;

const choice = (candidates: readonly Candidate[], directive: number = directives.noFiles): Choice => ({
  candidates,
  directive,
});

const isPath = (typed: string): boolean => /^[./~]/.test(typed);

async function containers(engine: EngineClient, states?: readonly ContainerStatus[]): Promise<Candidate[]> {
  const filters = new Map(states === undefined ? [] : [['status', states] as const]);
  const rows = await listContainers(engine, { all: true, filters });
  return rows.map(({ Id, Names, Image, Status }) => {
    // A link gives a container a name below that of another.
    const name = Names.find((each) => each.lastIndexOf('/') === 0)?.slice(1) ?? Id.slice(0, 12);
    return { text: name, summary: `${Image}, ${Status}` };
  });
}

async function images(engine: EngineClient): Promise<Candidate[]> {
  return (await listImages(engine)).flatMap(({ RepoTags, Id }) =>
    (RepoTags ?? []).filter((tag) => tag !== '<none>:<none>').map((text) => ({ text, summary: Id.slice(7, 19) })),
  );
}

async function networks(engine: EngineClient): Promise<Candidate[]> {
  return (await listNetworks(engine)).map(({ Name, Driver }) => ({ text: Name, summary: Driver }));
}

async function volumes(engine: EngineClient): Promise<Candidate[]> {
  return ((await listVolumes(engine)).Volumes ?? []).map(({ Name, Driver }) => ({ text: Name, summary: Driver }));
}

const plain = (texts: readonly string[]): Candidate[] => texts.map((text) => ({ text, summary: '' }));

async function plugins(engine: EngineClient, kind: 'Log' | 'Network' | 'Volume'): Promise<Candidate[]> {
  const known = (await engineInfo(engine)).Plugins as Readonly<Record<string, readonly string[] | null>> | undefined;
  return plain(known?.[kind] ?? []);
}

const followedBy = (end: string, candidates: readonly Candidate[]): Candidate[] =>
  candidates.map(({ text, summary }) => ({ text: text + end, summary }));

/** Container paths and volume sources go on after their colon, and may be a path of ours as well. */
const untilColon = async (typed: string, names: () => Promise<Candidate[]>): Promise<Choice> =>
  isPath(typed) ? choice([], 0) : choice(followedBy(':', await names()), directives.noSpace);

const kinds: Readonly<Record<NamedKind, (engine: Engine, typed: string) => Promise<Choice>>> = {
  container: async (ask) => choice(await containers((await ask()).engine)),
  'running-container': async (ask) => choice(await containers((await ask()).engine, ['running'])),
  'paused-container': async (ask) => choice(await containers((await ask()).engine, ['paused'])),
  'stopped-container': async (ask) => choice(await containers((await ask()).engine, ['created', 'exited'])),
  'container-path': (ask, typed) => untilColon(typed, async () => containers((await ask()).engine)),
  image: async (ask) => choice(await images((await ask()).engine)),
  volume: async (ask) => choice(await volumes((await ask()).engine)),
  'volume-source': (ask, typed) => untilColon(typed, async () => volumes((await ask()).engine)),
  'volume-driver': async (ask) => choice(await plugins((await ask()).engine, 'Volume')),
  network: async (ask) => choice(await networks((await ask()).engine)),
  'network-driver': async (ask) => choice(await plugins((await ask()).engine, 'Network')),
  'network-mode': async (ask, typed) => {
    const { engine } = await ask();
    if (!typed.startsWith('container:')) return choice([...(await networks(engine)), ...plain(['container:'])]);
    const names = await containers(engine);
    return choice(names.map(({ text, summary }) => ({ text: `container:${text}`, summary })));
  },
  object: async (ask) => {
    const { engine } = await ask();
    const all = [containers(engine), images(engine), networks(engine), volumes(engine)];
    return choice((await Promise.all(all)).flat());
  },
  'log-driver': async (ask) => choice(await plugins((await ask()).engine, 'Log')),
  runtime: async (ask) => choice(plain(Object.keys((await engineInfo((await ask()).engine)).Runtimes ?? {}))),
  context: async (ask) => {
    const found = listContexts((await ask()).configFolder);
    const named = found.map(({ Name, Metadata }) => ({ text: Name, summary: Metadata.Description ?? '' }));
    return choice([...named, ...plain([defaultContext])]);
  },
  file: async () => choice([], 0),
  directory: async () => choice([], directives.directories),
  signal: async () => {
    const { signals } = process.getBuiltinModule('node:os').constants;
    return choice(plain(Object.keys(signals).map((name) => name.replace(/^SIG/, ''))));
  },
  none: async () => choice([]),
};

/**
 * What a value of this kind may be, with `typed` as its beginning; objects are those of the engine that is meant.
 * @throws what the engine, or the way to it, gives
 */
export async function choiceOf(kind: ValueKind, typed: string, engine: Engine): Promise<Choice> {
  if (typeof kind === 'string') return kinds[kind](engine, typed);
  if (!('pairs' in kind)) return choice(plain(kind));
  const equals = typed.indexOf('=');
  if (equals < 0)
    return choice(followedBy('=', plain(Object.keys(kind.pairs))), directives.noSpace | directives.noFiles);
  const prefix = typed.slice(0, equals + 1);
  const value = await choiceOf(kind.pairs[typed.slice(0, equals)] ?? 'none', typed.slice(equals + 1), engine);
  const candidates = value.candidates.map(({ text, summary }) => ({ text: prefix + text, summary }));
  return { ...value, candidates };
}
