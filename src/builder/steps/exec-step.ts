import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerMount } from '#containers';
import type { Sandbox } from '#networks';
import { encodeOci, type Platform } from '#oci';
import { fail, messageOf, runAll } from '#std/errors';
import { newId } from '#std/identifiers';
import { log } from '#std/log';
import type { ExecOperation } from '../graph/operation.ts';
import type { LayersResult } from '../result.ts';
import type { StepRun } from '../solver/types.ts';
import type { CacheMounts } from './cache-mounts.ts';
import { didNotComplete, StepFailure, stepCancelled } from './failure.ts';
import { defaultLogLimits, LogLimit, noLogLimits } from './log-limit.ts';
import { networkFiles, setUpStepNetwork } from './network.ts';
import type { MountedResult } from './overlays.ts';
import type { StepParts } from './parts.ts';
import { type MountPlace, makeKernelPlaces, Placeholders } from './placeholders.ts';
import { type RuntimeEnd, runRuntime } from './runtime.ts';
import { askSecret } from './secrets.ts';
import { defaultHostname, specificationOf } from './specification.ts';
import { makeStepDirectory, removeStepDirectory } from './step-directory.ts';
import type { OnOutput } from './step-output.ts';
import { Workspace, type Written } from './workspace.ts';

/** Does an `ExecOperation`; the layers come by the output's index, and are held: the caller takes the hold over. */
export type ExecStep = (operation: ExecOperation, platform: Platform, run: StepRun) => Promise<readonly LayersResult[]>;

/** Parts of a step, with what steps share. */
export interface ExecStepParts extends StepParts {
  readonly caches: CacheMounts;
  /** What is done in the background, so that an engine's end can wait for it. */
  readonly background: (work: Promise<void>, what: string) => void;
}

/** One step as it goes: what it has, and what is to be given back. */
interface Step {
  readonly id: string;
  readonly directory: string;
  readonly operation: ExecOperation;
  readonly run: StepRun;
  readonly workspace: Workspace;
}

/** Secrets that are variables, as `NAME=value`. Throws for one that is required and not there. */
export async function secretEnvironment({ secretEnvironment: wanted }: ExecOperation, run: StepRun): Promise<string[]> {
  const entries: string[] = [];
  for (const { id, name, isOptional } of wanted) {
    const secret = await askSecret({ id, isOptional }, run);
    if (secret !== undefined) entries.push(`${name}=${Buffer.from(secret).toString('utf8')}`);
  }
  return entries;
}

function outputTaker(run: StepRun): OnOutput {
  const limits = run.context.isLogUnlimited ? noLogLimits : defaultLogLimits();
  const now = performance.now();
  const ofStream = { 1: new LogLimit(limits, now), 2: new LogLimit(limits, now) };
  const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
  if (run.signal.aborted) abort();
  else run.signal.addEventListener('abort', () => abort(), { once: true });
  return async (stream, data) => {
    const kept = ofStream[stream].take(data, performance.now());
    if (kept.length === 0) return;
    await run.onLog(stream, kept);
    const taken = run.context.whenTaken?.();
    // Of what nobody wants any more nobody takes anything.
    if (taken !== undefined) await Promise.race([taken, aborted]);
  };
}

function placeOf({ type, source, destination }: ContainerMount): MountPlace {
  return { destination, isDirectory: type === 'tmpfs' || statSync(source).isDirectory() };
}

async function runProcess(
  parts: ExecStepParts,
  { id, directory, operation, run, workspace }: Step,
  sandbox: Sandbox | undefined,
): Promise<RuntimeEnd> {
  const rootfs = workspace.root?.directory ?? '';
  const cgroupsPath = join('/', operation.cgroupParent || parts.cgroupParent, id);
  const agent = workspace.agentPath === undefined ? [] : [`SSH_AUTH_SOCK=${workspace.agentPath}`];
  const mounts = [...workspace.mounts, ...networkFiles(directory, operation, parts, sandbox)];
  const environment = [...agent, ...(await secretEnvironment(operation, run))];
  const spec = specificationOf({ operation, rootfs, mounts, sandbox, environment, cgroupsPath });
  writeFileSync(join(directory, 'cgroup'), cgroupsPath);
  writeFileSync(join(directory, 'config.json'), encodeOci(spec));
  makeKernelPlaces(rootfs);
  const placeholders = new Placeholders(rootfs, mounts.map(placeOf));
  const end = await runRuntime({
    runtime: parts.runtime,
    id,
    directory,
    cgroupsPath,
    program: operation.words[0] ?? '',
    onOutput: outputTaker(run),
    signal: run.signal,
  });
  placeholders.remove();
  // It is out of the tree at once; nobody waits for the kernel to be done with it.
  parts.background(workspace.unmount(), 'mounts of a build step');
  if (workspace.root?.draft !== undefined) placeholders.prune(workspace.root.draft.directory);
  return end;
}

/** Throws unless the step has ended well. */
async function checkEnd({ operation, run }: Step, { exitCode, startFailure }: RuntimeEnd): Promise<void> {
  if (run.signal.aborted) throw stepCancelled(operation.words);
  if (startFailure !== undefined) {
    await run.onLog(2, Buffer.from(`${startFailure}\n`));
    throw new StepFailure(operation.words, 1);
  }
  const valid = operation.validExitCodes.length === 0 ? [0] : operation.validExitCodes;
  if (!valid.includes(exitCode)) throw new StepFailure(operation.words, exitCode);
}

async function adopt(parts: ExecStepParts, { chain, mounted }: Written, signal: AbortSignal): Promise<LayersResult> {
  const { builds, measure } = parts;
  if (mounted.draft === undefined) return { kind: 'layers', chain };
  const measured = await measure(mounted.draft, signal);
  if (builds.hold(chain) === undefined) throw fail('internal', 'a layer below a build step is gone');
  try {
    const { chainId } = builds.adopt(measured, chain);
    return { kind: 'layers', chain: [...chain, chainId] };
  } catch (error) {
    builds.release(chain);
    throw error;
  }
}

/** Makes layers of what was written; all or none are held. */
async function adoptAll(parts: ExecStepParts, { workspace, run }: Step): Promise<LayersResult[]> {
  const outputs: LayersResult[] = [];
  const kept = new Set<MountedResult>();
  try {
    for (const written of workspace.written) {
      outputs[written.output] = await adopt(parts, written, run.signal);
      kept.add(written.mounted);
    }
    for (const { output, chain } of workspace.passed) {
      parts.builds.hold(chain);
      outputs[output] = { kind: 'layers', chain };
    }
    workspace.discard(kept);
    return outputs;
  } catch (error) {
    for (const output of outputs) if (output !== undefined) parts.builds.release(output.chain);
    workspace.discard(kept);
    throw error;
  }
}

async function runStep(parts: ExecStepParts, step: Step): Promise<LayersResult[]> {
  const { id, operation, run, workspace } = step;
  const network = setUpStepNetwork(parts, id, operation);
  try {
    const [opened, sandbox] = await Promise.allSettled([workspace.open(), network]);
    // Both are at rest before anything is given back.
    if (opened.status === 'rejected') throw opened.reason;
    if (sandbox.status === 'rejected') throw sandbox.reason;
    if (run.signal.aborted) throw stepCancelled(operation.words);
    await checkEnd(step, await runProcess(parts, step, sandbox.value));
  } finally {
    parts.background(parts.networks.tearDown(id), 'network of a build step');
  }
  return await adoptAll(parts, step);
}

/** The words of what went wrong with a step; what a client asked for and is not there speaks for itself. */
function failureOf(error: unknown, { operation, run }: Step): unknown {
  if (run.signal.aborted) return stepCancelled(operation.words);
  return /^(?:unable to find (?:user|group)|open|lstat) /.test(messageOf(error))
    ? fail('invalid-argument', didNotComplete(operation.words, messageOf(error)), error)
    : error;
}

/** Makes the step that runs processes. */
export function createExecStep(parts: ExecStepParts): ExecStep {
  return async (given, _platform, run) => {
    const id = newId();
    const operation = { ...given, hostname: given.hostname || defaultHostname };
    const directory = makeStepDirectory(parts, id);
    const workspace = new Workspace(parts, operation, run, { id, directory });
    const step: Step = { id, directory, operation, run, workspace };
    try {
      return await runStep(parts, step);
    } catch (error) {
      throw failureOf(error, step);
    } finally {
      await runAll([
        () => workspace.unmount(),
        () => workspace.discard(new Set()),
        () => removeStepDirectory(directory),
      ]).catch((error: unknown) => log('error', 'not all of a build step is gone', { id, error: messageOf(error) }));
    }
  };
}
