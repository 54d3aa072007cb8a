import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '#networks';
import { encodeOci } from '#oci';
import { runAll } from '#std/errors';
import { newId } from '#std/identifiers';
import { type ExecMount, type ExecOperation, execOperation } from '../graph/operation.ts';
import type { Result } from '../result.ts';
import type { BuildContext, StepRun } from '../solver/types.ts';
import { type ContainerProcess, startContainerProcess } from './container-process.ts';
import { type ExecStepParts, secretEnvironment } from './exec-step.ts';
import { networkFiles, setUpStepNetwork } from './network.ts';
import { processesDirectory } from './parts.ts';
import { defaultHostname, specificationOf } from './specification.ts';
import { makeStepDirectory, removeStepDirectory } from './step-directory.ts';
import { Workspace } from './workspace.ts';

/** File systems and a network, in which a client of a build runs processes to look around. What they write is thrown away. */
export interface StepContainerRequest {
  readonly mounts: readonly ExecMount[];
  /** What the mounts' `input` counts. */
  readonly inputs: readonly Result[];
  readonly network: ExecOperation['network'];
  readonly hostname: string;
  readonly extraHosts: ExecOperation['extraHosts'];
}

/** A process of such a container. */
export interface ProcessRequest {
  readonly words: readonly string[];
  readonly environment: readonly string[];
  readonly directory: string;
  readonly user: string;
  readonly security: ExecOperation['security'];
  readonly secretEnvironment: ExecOperation['secretEnvironment'];
  readonly hasTerminal: boolean;
  readonly onOutput: (stream: 1 | 2, data: Uint8Array) => void | Promise<void>;
  readonly signal: AbortSignal;
}

export interface StepContainer {
  /** Starts a process; several share the files, each sees its own processes alone. */
  start(process: ProcessRequest): Promise<ContainerProcess>;
  /** Ends what runs, and takes everything away. */
  close(): Promise<void>;
}

/** Opens a container over results that the caller holds until it is closed. */
export type OpenStepContainer = (request: StepContainerRequest, context: BuildContext) => Promise<StepContainer>;

const nothing = (): void => undefined;

class OpenedContainer implements StepContainer {
  private readonly ending = new AbortController();
  private readonly running = new Set<ContainerProcess>();

  constructor(
    private readonly parts: ExecStepParts,
    private readonly place: { readonly id: string; readonly directory: string },
    private readonly operation: ExecOperation,
    private readonly workspace: Workspace,
    private readonly sandbox: Sandbox | undefined,
    private readonly run: StepRun,
  ) {}

  async start(request: ProcessRequest): Promise<ContainerProcess> {
    const { parts, place, sandbox, workspace } = this;
    const { words, directory, user, security, environment } = request;
    const operation = { ...this.operation, words, directory, user, security, environment };
    const id = newId();
    const bundle = join(processesDirectory(place.directory), id);
    mkdirSync(bundle, { recursive: true });
    const cgroupsPath = join('/', parts.cgroupParent, id);
    const spec = specificationOf({
      operation,
      rootfs: workspace.root?.directory ?? '',
      mounts: [...workspace.mounts, ...networkFiles(bundle, operation, parts, sandbox)],
      sandbox,
      environment: await secretEnvironment({ ...operation, secretEnvironment: request.secretEnvironment }, this.run),
      cgroupsPath,
    });
    writeFileSync(join(bundle, 'cgroup'), cgroupsPath);
    const { process } = spec;
    writeFileSync(
      join(bundle, 'config.json'),
      encodeOci({ ...spec, process: { ...process, terminal: request.hasTerminal } }),
    );
    const started = startContainerProcess({
      runtime: parts.runtime,
      id,
      directory: bundle,
      cgroupsPath,
      program: words[0] ?? '',
      hasTerminal: request.hasTerminal,
      onOutput: request.onOutput,
      signal: AbortSignal.any([request.signal, this.ending.signal, this.run.signal]),
    });
    this.running.add(started);
    started.ended.finally(() => this.running.delete(started)).catch(nothing);
    return started;
  }

  async close(): Promise<void> {
    this.ending.abort();
    await Promise.allSettled([...this.running].map(({ ended }) => ended));
    const { parts, place, workspace } = this;
    parts.background(parts.networks.tearDown(place.id), 'network of a container of a build');
    await runAll([
      () => workspace.unmount(),
      () => workspace.discard(new Set()),
      () => removeStepDirectory(place.directory),
    ]);
  }
}

/** Makes the function that opens containers, with the parts of steps. */
export function createOpenContainer(parts: ExecStepParts): OpenStepContainer {
  return async (request, context) => {
    const id = newId();
    const { mounts, network, extraHosts, inputs } = request;
    const operation = execOperation({
      hostname: request.hostname || defaultHostname,
      network,
      // Nobody is given what is written.
      mounts: mounts.map((mount) => ({ ...mount, output: -1 })),
      extraHosts,
    });
    const { signal } = context;
    const run = { context, vertexDigest: '', inputs, signal, onLog: nothing, onStatus: nothing };
    const directory = makeStepDirectory(parts, id);
    const workspace = new Workspace(parts, operation, run, { id, directory });
    const sandbox = setUpStepNetwork(parts, id, operation);
    const container = async () =>
      new OpenedContainer(parts, { id, directory }, operation, workspace, await sandbox, run);
    try {
      await workspace.open();
      return await container();
    } catch (error) {
      await Promise.allSettled([sandbox]);
      await new OpenedContainer(parts, { id, directory }, operation, workspace, undefined, run).close();
      throw error;
    }
  };
}
