import type { ContainerConfig, ExecCreateRequest } from '#api';
import type { OciCapabilities, OciProcess } from '#oci';
import type { ContainerUser } from './users.ts';

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function nameOf(entry: string): string {
  return entry.split('=', 1)[0] ?? '';
}

/**
 * Puts `entries` over `defaults`: the same name is replaced where it stands, a new one comes last, and a name alone takes
 * the variable away.
 */
export function overlayEnvironment(defaults: readonly string[], entries: readonly string[]): string[] {
  const result = new Map(defaults.map((entry) => [nameOf(entry), entry]));
  for (const entry of entries) {
    if (entry.includes('=')) result.set(nameOf(entry), entry);
    else result.delete(entry);
  }
  return [...result.values()];
}

/** The environment with HOME, last, unless it is set. */
export function withHome(environment: readonly string[], home: string): string[] {
  return environment.some((entry) => entry.startsWith('HOME=')) ? [...environment] : [...environment, `HOME=${home}`];
}

/** What the environment tells, beside what was asked for. */
export interface EnvironmentFacts {
  readonly hostname: string;
  /** Variables of the containers that it has links to. */
  readonly linkEnvironment: readonly string[];
}

/** The environment of a container's processes, without HOME. */
export function environmentOf(config: ContainerConfig, facts: EnvironmentFacts, terminal: boolean): string[] {
  const { hostname, linkEnvironment } = facts;
  const defaults = [defaultPath, `HOSTNAME=${hostname}`, ...(terminal ? ['TERM=xterm'] : []), ...linkEnvironment];
  return overlayEnvironment(defaults, config.Env ?? []);
}

/** One set for all: nothing is inheritable or ambient, so a user other than root has none after exec. */
export function capabilitySets(names: readonly string[]): OciCapabilities {
  return { bounding: names, effective: names, permitted: names };
}

/** What an exec starts from: its container's process. */
export interface ExecInput extends EnvironmentFacts {
  readonly request: ExecCreateRequest;
  readonly config: ContainerConfig;
  /** The process of the container's own specification. */
  readonly main: Pick<OciProcess, 'capabilities' | 'rlimits' | 'noNewPrivileges' | 'oomScoreAdj'>;
  readonly user: ContainerUser;
  /** The engine's capabilities, for a privileged exec. */
  readonly available: readonly string[];
}

/** The process object of one more process in a running container (config.md, "Process"). */
export function buildProcess(input: ExecInput): OciProcess {
  const { request, config, main, available } = input;
  const { home, ...user } = input.user;
  const terminal = request.Tty ?? false;
  const [rows, columns] = request.ConsoleSize ?? [0, 0];
  return {
    ...main,
    ...(request.Privileged && { capabilities: capabilitySets(available) }),
    ...(terminal && { terminal }),
    ...(terminal && rows > 0 && columns > 0 && { consoleSize: { height: rows, width: columns } }),
    user,
    args: request.Cmd ?? [],
    env: withHome(overlayEnvironment(environmentOf(config, input, terminal), request.Env ?? []), home),
    cwd: request.WorkingDir || config.WorkingDir || '/',
  };
}
