import { closeSync, constants, fstatSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { ContainerMount } from '#containers';
import { fail } from '#std/errors';
import { copyUp } from '#volumes';
import type { ExecMount, ExecOperation } from '../graph/operation.ts';
import type { LayersResult, Result } from '../result.ts';
import type { StepRun } from '../solver/types.ts';
import { findAgent, forwardAgent } from './agent.ts';
import {
  type CacheMountRequest,
  type CacheMountStart,
  type CacheMounts,
  cacheMountKey,
  type HeldCacheMount,
} from './cache-mounts.ts';
import { type MountedResult, mountOver, mountReadOnly, mountWritable } from './overlays.ts';
import { type StepParts, scratchDirectory } from './parts.ts';
import { openSelected, pinSelected } from './pin.ts';
import { askSecret, writeSecret } from './secrets.ts';
import { pinsOf, releasePins } from './step-directory.ts';

const noResult: LayersResult = { kind: 'layers', chain: [] };
const ownerOnly = ['nosuid', 'nodev', 'noexec'];

/** Something written that an output of the step is to be. */
export interface Written {
  readonly output: number;
  readonly chain: readonly string[];
  readonly mounted: MountedResult;
}

function compare(one = '', other = ''): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** What a step's mounts are made with. */
export interface WorkspaceParts extends Pick<StepParts, 'builds' | 'dataRoot'> {
  readonly caches: CacheMounts;
}

/**
 * All file systems of one step. What is made is noted at once, so that `close` finds it whatever fails; pins and secrets are
 * below `directory`, a tmpfs of the step's own.
 */
export class Workspace {
  readonly #parts: WorkspaceParts;
  readonly #operation: ExecOperation;
  readonly #run: StepRun;
  readonly #directory: string;
  readonly #id: string;
  readonly #mounted: MountedResult[] = [];
  readonly #unmounts: (() => Promise<void>)[] = [];
  readonly #releases: (() => void)[] = [];
  readonly #caches = new Map<string, HeldCacheMount>();
  readonly mounts: ContainerMount[] = [];
  /** What is to be kept, by output. */
  readonly written: Written[] = [];
  /** Outputs that are just what came in. */
  readonly passed: { readonly output: number; readonly chain: readonly string[] }[] = [];
  root: MountedResult | undefined;
  /** Where the first agent is, for SSH_AUTH_SOCK. */
  agentPath: string | undefined;

  constructor(parts: WorkspaceParts, operation: ExecOperation, run: StepRun, place: { id: string; directory: string }) {
    this.#parts = parts;
    this.#operation = operation;
    this.#run = run;
    this.#directory = place.directory;
    this.#id = place.id;
  }

  /** Mounts everything. */
  async open(): Promise<void> {
    const { mounts } = this.#operation;
    const root = mounts.find(({ target }) => posix.resolve('/', target) === '/');
    this.root = this.#openRoot(root);
    // Caches in one order for all steps: two that lock the same ones must not wait for each other.
    const ordered = [...mounts.entries()].sort(([, one], [, other]) => compare(one.cache?.id, other.cache?.id));
    for (const [index, mount] of ordered) if (mount !== root) await this.#openMount(mount, String(index));
  }

  /** Takes away all that is mounted, at once; what was written is still there. Resolves when the kernel is done with it. */
  async unmount(): Promise<void> {
    for (const release of this.#releases.splice(0)) release();
    releasePins(this.#directory);
    await Promise.all(this.#unmounts.splice(0).map((release) => release()));
  }

  /** Removes what was written and is nobody's. */
  discard(kept: ReadonlySet<MountedResult>): void {
    for (const mounted of this.#mounted.splice(0)) if (!kept.has(mounted)) mounted.discard();
  }

  #inputOf({ input }: ExecMount): Result {
    if (input < 0) return noResult;
    const result = this.#run.inputs[input];
    if (result === undefined) throw fail('invalid-argument', `invalid mount input ${input}`);
    return result;
  }

  #layersOf(mount: ExecMount): LayersResult {
    const result = this.#inputOf(mount);
    if (result.kind === 'layers') return result;
    throw fail('internal', `mount ${mount.target}: a directory cannot become a layer`);
  }

  #note<T extends MountedResult>(mounted: T): T {
    this.#mounted.push(mounted);
    this.#unmounts.push(mounted.unmount);
    return mounted;
  }

  /** The root is always written to: the runtime makes mount points in it. */
  #openRoot(mount: ExecMount | undefined): MountedResult {
    const { chain } = mount === undefined ? noResult : this.#layersOf(mount);
    const mounted = this.#note(mountWritable(this.#parts.builds, chain));
    if (mount !== undefined && mount.output >= 0) this.written.push({ output: mount.output, chain, mounted });
    return mounted;
  }

  async #openMount(mount: ExecMount, name: string): Promise<void> {
    switch (mount.type) {
      case 'bind':
        return this.#openBind(mount, name);
      case 'cache':
        return await this.#openCache(mount);
      case 'tmpfs':
        return this.#openTmpfs(mount);
      case 'secret':
        return await this.#openSecret(mount, name);
      case 'ssh':
        return await this.#openAgent(mount, name);
    }
  }

  #bind(
    mount: Pick<ExecMount, 'target'>,
    source: string,
    isReadOnly: boolean,
    sourceFlags: readonly string[] = [],
  ): void {
    this.mounts.push({
      type: 'bind',
      source,
      destination: posix.resolve('/', mount.target),
      readOnly: isReadOnly,
      recursive: false,
      sourceFlags,
      propagation: 'rprivate',
    });
  }

  #pin(root: string, { selector, isReadOnly }: ExecMount, name: string): string {
    const pin = join(pinsOf(this.#directory), name);
    pinSelected(root, selector, pin, isReadOnly);
    return pin;
  }

  #openBind(mount: ExecMount, name: string): void {
    const result = this.#inputOf(mount);
    const { isReadOnly, output } = mount;
    const mounted = this.#note(this.#mountFor(mount, result, name));
    if (output >= 0 && !isReadOnly) this.written.push({ output, chain: this.#layersOf(mount).chain, mounted });
    if (output >= 0 && isReadOnly) this.passed.push({ output, chain: this.#layersOf(mount).chain });
    this.#bind(mount, this.#pin(mounted.directory, mount, name), isReadOnly);
  }

  #mountFor({ isReadOnly, output }: ExecMount, result: Result, name: string): MountedResult {
    if (isReadOnly) return mountReadOnly(this.#parts.builds, result);
    if (result.kind === 'layers' || output >= 0) {
      return mountWritable(this.#parts.builds, result.kind === 'layers' ? result.chain : []);
    }
    return mountOver(result.path, join(scratchDirectory(this.#parts), `${this.#id}-${name}`));
  }

  async #openCache(mount: ExecMount): Promise<void> {
    const { cache, target, isReadOnly } = mount;
    const request: CacheMountRequest = {
      id: cache?.id || posix.resolve('/', target),
      sharing: cache?.sharing ?? 'shared',
      start: await this.#cacheStart(mount),
      description: `cached mount ${target} from exec ${this.#operation.words.join(' ')}`,
    };
    // In two places of one step it is the same, whatever its sharing: the step would wait for itself.
    const key = cacheMountKey(request);
    let held = this.#caches.get(key);
    if (held === undefined) {
      held = await this.#parts.caches.acquire(request, this.#run.signal);
      this.#caches.set(key, held);
      this.#releases.push(held.release);
    }
    this.#bind(mount, held.directory, isReadOnly);
  }

  /** A new cache begins as its input is: its owner and mode, and its files where there are any. */
  async #cacheStart(mount: ExecMount): Promise<CacheMountStart> {
    const { uid = 0, gid = 0, mode = 0o755 } = mount.cache ?? {};
    const result = this.#inputOf(mount);
    if (result.kind === 'layers' && result.chain.length === 0) return { uid, gid, mode };
    const mounted = this.#note(mountReadOnly(this.#parts.builds, result));
    const selector = mount.selector || '/';
    const descriptor = openSelected(mounted.directory, selector, constants.O_RDONLY);
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isDirectory())
        throw fail('invalid-argument', `cache mount ${mount.target}: ${selector} is no directory`);
      const own = {
        uid: mount.cache?.uid ?? stats.uid,
        gid: mount.cache?.gid ?? stats.gid,
        mode: mount.cache?.mode ?? stats.mode & 0o7777,
      };
      if (readdirSync(`/proc/self/fd/${descriptor}`).length === 0) return own;
      const contentKey = result.kind === 'layers' ? `${result.chain.join()}:${selector}` : `${result.path}:${selector}`;
      return {
        ...own,
        contentKey,
        fill: async (directory) => void (await copyUp(mounted.directory, selector, directory)),
      };
    } finally {
      closeSync(descriptor);
    }
  }

  #openTmpfs({ target, tmpfsSizeBytes = 0, isReadOnly }: ExecMount): void {
    const options = ['exec', 'dev', ...(tmpfsSizeBytes > 0 ? [`size=${tmpfsSizeBytes}`] : [])];
    const destination = posix.resolve('/', target);
    this.mounts.push({ type: 'tmpfs', source: '', destination, readOnly: isReadOnly, propagation: '', options });
  }

  async #openSecret(mount: ExecMount, name: string): Promise<void> {
    const { secret } = mount;
    if (secret === undefined) throw fail('invalid-argument', `mount ${mount.target}: no secret is named`);
    const content = await askSecret(secret, this.#run);
    if (content === undefined) return;
    const path = join(this.#directory, 'secrets', name);
    writeSecret(path, content, secret);
    this.#bind(mount, path, true, ownerOnly);
  }

  async #openAgent(mount: ExecMount, name: string): Promise<void> {
    const { ssh } = mount;
    if (ssh === undefined) throw fail('invalid-argument', `mount ${mount.target}: no agent is named`);
    const session = await findAgent(ssh, this.#run);
    this.agentPath ??= posix.resolve('/', mount.target);
    if (session === undefined) return;
    const path = join(this.#directory, 'agents', name);
    this.#releases.push(await forwardAgent(session, path, ssh));
    this.#bind(mount, path, true, ownerOnly);
  }
}
