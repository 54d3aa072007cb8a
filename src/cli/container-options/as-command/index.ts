import type { ContainerInspect, ImageInspectConfig } from '#api';
import { type ContainerFlags, containerFlags } from '../flags.ts';
import { rules } from './rules.ts';
import { type Seen, same } from './seen.ts';
import { shellQuote } from './texts.ts';

export type { Seen };

/** Flags that people know by their letter. */
const familiar: ReadonlySet<string> = new Set(['interactive', 'tty', 'env', 'publish', 'volume']);

function flagWords(name: keyof ContainerFlags, seen: Seen): string[] {
  const { isSwitch, short } = containerFlags[name];
  const said = rules[name](seen);
  if (said === undefined || said === null || said === false || said === '' || said === 0) return [];
  const flag = familiar.has(name) && short !== undefined ? `-${short}` : `--${name}`;
  if (isSwitch) return [said === true ? flag : `${flag}=${said}`];
  const values = Array.isArray(said) ? (said as readonly string[]) : [String(said)];
  return values.flatMap((value) => (value.startsWith('-') ? [`--${name}=${value}`] : [flag, value]));
}

/** What runs: with an entrypoint of its own the rest of that, and the command, which is the image's otherwise. */
function commandWords({ container, image }: Seen): readonly string[] {
  const { Entrypoint, Cmd } = container.Config;
  if (!same(Entrypoint, image.Entrypoint)) return [...(Entrypoint ?? []).slice(1), ...(Cmd ?? [])];
  return same(Cmd, image.Cmd) ? [] : (Cmd ?? []);
}

/** How it was made: it has not run, was left to itself, or was looked at as it ran. */
function verbOf({ State, Config }: ContainerInspect): readonly string[] {
  if (State.Status === 'created') return ['create'];
  const isAttached = Config.AttachStdin || Config.AttachStdout || Config.AttachStderr;
  return isAttached ? ['run'] : ['run', '-d'];
}

/** A command line, and what of the container it does not say, because no flag does. */
export interface AsCommand {
  readonly line: string;
  readonly unsaid: readonly string[];
}

function unsaidOf({ Config, HostConfig }: ContainerInspect, image: ImageInspectConfig): string[] {
  const [probe = ''] = Config.Healthcheck?.Test ?? [];
  const isOwnProbe = !same(Config.Healthcheck?.Test, image.Healthcheck?.Test);
  const { SecurityOpt, ContainerIDFile } = HostConfig;
  return [
    ...(isOwnProbe && (probe === 'HTTP' || probe === 'TCP') ? [`a health check of type ${probe}`] : []),
    ...(SecurityOpt?.some((option) => /^seccomp[=:]\{/.test(option)) ? ['the seccomp profile, whose file it was'] : []),
    ...(ContainerIDFile === '' ? [] : [`--cidfile ${shellQuote(ContainerIDFile)}, as that file is there`]),
  ];
}

/** The command line that makes a container like this one, quoted for a shell: the inverse of `createRequest`. */
export function asCommand(program: string, seen: Omit<Seen, 'detached'>): AsCommand {
  const verb = verbOf(seen.container);
  const whole: Seen = { ...seen, detached: verb.includes('-d') };
  const flags = (Object.keys(rules) as (keyof ContainerFlags)[]).flatMap((name) => flagWords(name, whole));
  const words = [program, ...verb, ...flags, seen.container.Config.Image, ...commandWords(whole)];
  return { line: words.map(shellQuote).join(' '), unsaid: unsaidOf(seen.container, seen.image) };
}
