import { posix } from 'node:path';
import { type EvaluatedStep, type MountOptions, proxyArguments, type RunInstruction, runCommandOf } from '#dockerfile';
import { fail } from '#std/errors';
import { createVertex } from '../graph/create-vertex.ts';
import type { ExecMount, ExecOperation, SecretRequest } from '../graph/operation.ts';
import type { Edge } from '../graph/vertex.ts';
import { inlineFile } from './inline-file.ts';
import { type StageRun, vertexOf } from './stage-state.ts';

const sshSocket = (index: number): string => `/run/buildkit/ssh_agent.${index}`;

/** Proxies that were given without an ARG: they are there while a step runs, and in nothing that is kept. */
function proxiesOf({ options }: StageRun, { variables }: EvaluatedStep): string[] {
  const { buildArguments } = options;
  return proxyArguments.flatMap((name) => {
    const otherCase = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
    const value = buildArguments.get(name) ?? buildArguments.get(otherCase);
    return value === undefined || variables.get(name) !== undefined ? [] : [`${name}=${value}`];
  });
}

/** Mounts of one RUN, and what they are of. */
class Mounts {
  readonly inputs: Edge[] = [];
  readonly list: ExecMount[] = [];
  readonly secretEnvironment: { id: string; name: string; isOptional: boolean }[] = [];
  firstAgent: string | undefined;
  #agents = 0;

  constructor(
    readonly run: StageRun,
    readonly step: EvaluatedStep,
    base: Edge | undefined,
  ) {
    this.list.push(this.#mount({ target: '/', output: 0, isReadOnly: false, input: this.#input(base) }));
  }

  #input(edge: Edge | undefined): number {
    return edge === undefined ? -1 : this.inputs.push(edge) - 1;
  }

  #mount(given: Pick<ExecMount, 'target'> & Partial<ExecMount>): ExecMount {
    return { type: 'bind', input: -1, selector: '', isReadOnly: true, output: -1, ...given };
  }

  add(options: MountOptions, index: number): void {
    if (options.type === 'secret') this.#secret(options);
    else if (options.type === 'ssh') this.#agent(options);
    else this.#files(options, options.type, index);
  }

  /** A here-document that is run itself: a file in a directory that is there while it runs. */
  addScript(path: string, content: string): void {
    const file = inlineFile(this.run, this.step, posix.join('/', posix.basename(path)), content, 0o755);
    this.list.push(this.#mount({ target: posix.dirname(path), input: this.#input(file) }));
  }

  #targetOf({ target }: MountOptions): string {
    if (target.startsWith('/')) return posix.normalize(target);
    return posix.join('/', this.step.settings.workingDirectory, target);
  }

  #files(options: MountOptions, type: 'bind' | 'cache' | 'tmpfs', index: number): void {
    const { run, step } = this;
    const target = this.#targetOf(options);
    if (type === 'tmpfs') {
      this.list.push(this.#mount({ type, target, isReadOnly: options.readOnly, tmpfsSizeBytes: options.sizeBytes }));
      return;
    }
    const from = run.sourceOf(step, index) ?? (type === 'bind' ? { edge: run.context() } : {});
    const selector = options.source === '' ? '' : posix.join('/', options.source);
    const { sharing = 'shared', mode, uid, gid } = options;
    const id = posix.join('/', run.options.cacheNamespace, options.id || posix.normalize(options.target));
    const cache = {
      id,
      sharing,
      ...(mode !== undefined && { mode }),
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
    };
    const input = this.#input(from.edge);
    const isReadOnly = options.readOnly;
    this.list.push(this.#mount({ type, target, input, selector, isReadOnly, ...(type === 'cache' && { cache }) }));
  }

  #requestOf(options: MountOptions, id: string, mode: number): SecretRequest {
    const { uid = 0, gid = 0, required } = options;
    return { id, uid, gid, mode: options.mode ?? mode, isOptional: !required };
  }

  #secret(options: MountOptions): void {
    const { target, env } = options;
    const id = options.source || options.id || posix.basename(target);
    if (env !== undefined) {
      this.secretEnvironment.push({ id, name: env || id, isOptional: !options.required });
      if (target === '') return;
    }
    const place = target === '' ? `/run/secrets/${posix.basename(id)}` : this.#targetOf(options);
    this.list.push(this.#mount({ type: 'secret', target: place, secret: this.#requestOf(options, id, 0o400) }));
  }

  #agent(options: MountOptions): void {
    const target = options.target === '' ? sshSocket(this.#agents) : this.#targetOf(options);
    this.#agents++;
    this.firstAgent ??= target;
    this.list.push(this.#mount({ type: 'ssh', target, ssh: this.#requestOf(options, options.id, 0o600) }));
  }
}

function refuseDevices({ devices }: RunInstruction): void {
  const [device] = devices;
  if (device === undefined) return;
  throw fail('not-implemented', `RUN --device is not supported: there is no device ${JSON.stringify(device.name)}`);
}

function environmentOf(step: EvaluatedStep, agent: string | undefined): string[] {
  const { variables } = step;
  const list = [...variables.keys()].map((name) => `${name}=${variables.get(name) ?? ''}`);
  if (agent !== undefined && variables.get('SSH_AUTH_SOCK') === undefined) list.push(`SSH_AUTH_SOCK=${agent}`);
  return list;
}

/** A RUN in the file system `base`. */
export function runStep(run: StageRun, step: EvaluatedStep, instruction: RunInstruction, base: Edge | undefined): Edge {
  refuseDevices(instruction);
  const { options } = run;
  const { words, script } = runCommandOf(instruction, step.settings);
  const mounts = new Mounts(run, step, base);
  if (script !== undefined) mounts.addScript(script.path, script.content);
  for (const [index, mount] of instruction.mounts.entries()) mounts.add(mount, index);
  const isDefault = instruction.network === 'default';
  const operation: ExecOperation = {
    type: 'exec',
    words,
    environment: environmentOf(step, mounts.firstAgent),
    directory: step.settings.workingDirectory || '/',
    user: step.settings.user,
    hostname: options.hostname,
    network: isDefault ? options.network : instruction.network === 'host' ? 'host' : 'none',
    ...(isDefault && options.networkName !== undefined && { networkName: options.networkName }),
    security: instruction.security,
    mounts: mounts.list,
    secretEnvironment: mounts.secretEnvironment,
    ulimits: options.ulimits,
    extraHosts: options.extraHosts,
    cgroupParent: options.cgroupParent,
    shmSizeBytes: options.shmSizeBytes,
    resources: options.resources,
    uncountedEnvironment: proxiesOf(run, step),
    validExitCodes: [],
  };
  const vertex = createVertex({
    ...vertexOf(run, step),
    name: run.names.step(step),
    operation,
    inputs: mounts.inputs,
  });
  return { vertex, output: 0 };
}
