import type { ProgressMessage } from '#api';
import { applyInstruction, draftOf, type EvaluatedStep, resolveDirectory } from '#dockerfile';
import { digestOf, type HistoryEntry } from '#oci';
import { EstibaError, fail } from '#std/errors';
import { shortId } from '#std/identifiers';
import type { BaseImage } from '../frontend/image-config.ts';
import type { FinishedStage } from '../frontend/stage-state.ts';
import type { Edge } from '../graph/vertex.ts';
import type { BuildContext, HeldResult } from '../solver/types.ts';
import { classicWords } from './history.ts';
import { type StepImage, stepImage } from './image.ts';
import type { ClassicParts, ClassicRequest } from './types.ts';
import type { StepWatch } from './watch.ts';
import { classicRefusal, type StepError, stepError } from './words.ts';

/** A step that failed, in the words that the client is told. */
export class ClassicFailure extends EstibaError {
  constructor(readonly told: StepError) {
    super('invalid-argument', told.message);
  }
}

/** What a stage has come to so far. */
interface Standing {
  /** Empty for an empty file system. */
  readonly id: string;
  readonly chain: readonly string[];
  readonly diffIds: readonly string[];
  readonly history: readonly HistoryEntry[];
  readonly created: string;
  readonly isArgsEscaped: boolean;
}

const nothing: Standing = { id: '', chain: [], diffIds: [], history: [], created: '', isArgsEscaped: false };

/**
 * What the configurations of steps, which each tell of all before, may come to together: they are kept until the build ends, in
 * memory. Docker's builder writes them, and fills a disk.
 */
const configsBytesMax = 32 << 20;

/** A message that is text for people. */
export const line = (text: string): ProgressMessage => ({ stream: text });

/** Works out the steps of stages one after the other, and tells of them as the classic builder does. */
export class StageRunner {
  /** Images of steps that the engine does not have yet, parents first. */
  readonly made: StepImage[] = [];
  readonly #ends = new Map<number, Standing>();
  readonly #held: HeldResult[] = [];
  #configsBytes = 0;

  constructor(
    readonly parts: ClassicParts,
    readonly request: ClassicRequest,
    readonly context: BuildContext,
    readonly watch: StepWatch,
    readonly isUncached: boolean,
  ) {}

  release(): void {
    for (const held of this.#held.splice(0)) held.release();
  }

  endOf(index: number): string {
    return this.#ends.get(index)?.id ?? '';
  }

  /** `header` tells a step's line, in order: that of FROM first. The end of a stage is told when it is whole. */
  async *run(
    finished: FinishedStage,
    header: (step?: EvaluatedStep) => ProgressMessage[],
    isWhole: boolean,
  ): AsyncGenerator<ProgressMessage> {
    const { evaluated, edges } = finished;
    yield* header();
    let standing = await this.#begin(finished);
    const triggers = evaluated.steps.filter(({ isTrigger }) => isTrigger).length;
    if (triggers === 0) yield line(` ---> ${shortId(standing.id)}\n`);
    else yield* [line(`# Executing ${triggers} build trigger`), ...(triggers > 1 ? [line('s')] : []), line('\n')];
    const base = 'image' in finished.start.base ? finished.start.base.evaluated.config : finished.start.base.config;
    const config = draftOf(base);
    let isCommandSet = false;
    for (const [index, step] of evaluated.steps.entries()) {
      const { instruction, isTrigger } = step;
      if (!isTrigger) yield* header(step);
      applyInstruction(config, instruction, isCommandSet);
      if (instruction.type === 'CMD') isCommandSet = true;
      const before = standing;
      standing = yield* this.#step(finished, step, edges[index], before, config);
      if (!isTrigger || index === triggers - 1) yield line(` ---> ${shortId(standing.id)}\n`);
    }
    this.#ends.set(evaluated.stage.index, standing);
    if (isWhole && standing.id !== '') yield { aux: { ID: standing.id } };
  }

  async #begin({ start, evaluated }: FinishedStage): Promise<Standing> {
    const { base } = evaluated.stage;
    const before = base.kind === 'stage' ? this.#ends.get(base.index) : undefined;
    if (before !== undefined) return before;
    if (start.edge === undefined) return nothing;
    const image: BaseImage | undefined = 'image' in start.base ? undefined : start.base;
    const { chain, diffIds } = await this.#layersOf(start.edge);
    const { id = '', history = [], created = '', isArgsEscaped = false } = image ?? {};
    return { id, chain, diffIds, history, created, isArgsEscaped };
  }

  async #layersOf(edge: Edge): Promise<{ chain: readonly string[]; diffIds: string[]; createdAt: string | undefined }> {
    const held = await this.parts.solver.solveLayers(edge, this.context);
    this.#held.push(held);
    const { chain } = held.result;
    const layers = this.parts.builds.hold(chain);
    if (layers === undefined) throw fail('internal', 'a layer of the build is gone');
    this.parts.builds.release(chain);
    return { chain, diffIds: layers.map(({ diffId }) => diffId), createdAt: layers.at(-1)?.createdAt };
  }

  async *#step(
    finished: FinishedStage,
    step: EvaluatedStep,
    edge: Edge | undefined,
    before: Standing,
    config: ReturnType<typeof draftOf>,
  ): AsyncGenerator<ProgressMessage, Standing> {
    const { evaluated } = finished;
    const refusal = classicRefusal(step.instruction);
    if (refusal !== undefined) throw new ClassicFailure({ message: refusal.message });
    const asked = classicWords(evaluated, step, '');
    const isCopy = step.instruction.type === 'COPY' || step.instruction.type === 'ADD';
    const containerId = isCopy ? '' : digestOf(JSON.stringify([before.id, asked])).replace('sha256:', '');
    const isWork = makesLayer(step) && edge !== undefined;
    const layers = isWork ? yield* this.#work(step, edge, asked, containerId) : { ...before, isKnown: undefined };
    // Files are named by what they are.
    const words = isCopy ? classicWords(evaluated, step, layers.diffIds.at(-1)?.replace('sha256:', '') ?? '') : asked;
    const after = this.#imageOf(finished, config, before, { ...layers, words, containerId, isWork });
    this.#configsBytes += after.image.content.byteLength;
    if (this.#configsBytes > configsBytesMax)
      throw new ClassicFailure({ message: 'the Dockerfile has too many steps' });
    const isKnown = layers.isKnown ?? (!this.isUncached && this.#has(after.image.id));
    if (isKnown) yield line(' ---> Using cache\n');
    else if (!isWork) yield line(` ---> Running in ${shortId(containerId)}\n`);
    if (!isKnown && !isCopy && this.request.tellsRemoval) {
      yield line(` ---> Removed intermediate container ${shortId(containerId)}\n`);
    }
    if (!this.#has(after.image.id)) this.made.push(after.image);
    return after.standing;
  }

  /** Works out a step that makes a layer; tells its output. */
  async *#work(
    step: EvaluatedStep,
    edge: Edge,
    words: readonly string[],
    containerId: string,
  ): AsyncGenerator<
    ProgressMessage,
    { chain: readonly string[]; diffIds: readonly string[]; created: string | undefined; isKnown: boolean }
  > {
    const work = this.#layersOf(edge);
    const decoders = [new TextDecoder(), new TextDecoder()] as const;
    const isShown = containerId !== '';
    let isStarted = false;
    let complaint: string | undefined;
    for await (const seen of this.watch.follow(edge.vertex.digest, work)) {
      if (seen.kind === 'started') {
        isStarted = true;
        if (isShown) yield line(` ---> Running in ${shortId(containerId)}\n`);
        continue;
      }
      const text = decoders[seen.stream === 1 ? 0 : 1].decode(seen.data, { stream: true });
      if (seen.stream === 2 && text.startsWith(startComplaint)) complaint = text.trim();
      else if (text !== '') yield line(seen.stream === 1 ? text : `\u001b[91m${text}\u001b[0m`);
    }
    try {
      const { chain, diffIds, createdAt } = await work;
      return { chain, diffIds, created: createdAt, isKnown: !isStarted };
    } catch (error) {
      if (isStarted && isShown && this.request.tellsFailedRemoval) {
        yield line(` ---> Removed intermediate container ${shortId(containerId)}\n`);
      }
      if (this.context.signal.aborted) throw error;
      throw new ClassicFailure(stepError(step.instruction, words, error, complaint));
    }
  }

  #imageOf(
    { platform }: FinishedStage,
    config: ReturnType<typeof draftOf>,
    before: Standing,
    made: {
      chain: readonly string[];
      diffIds: readonly string[];
      created: string | undefined;
      words: readonly string[];
      containerId: string;
      isWork: boolean;
    },
  ): { image: StepImage; standing: Standing } {
    const { chain, diffIds, words, containerId, isWork } = made;
    const created = made.created || before.created || new Date().toISOString();
    const entry: HistoryEntry = {
      created,
      created_by: words.join(' '),
      ...(config.author && { author: config.author }),
      ...(!isWork && { empty_layer: true }),
    };
    const history = [...before.history, entry];
    const { isArgsEscaped } = before;
    const image = stepImage({
      config,
      platform,
      history,
      created,
      chain,
      diffIds,
      parentId: before.id,
      words,
      isArgsEscaped,
      containerId,
      version: this.parts.version,
    });
    return { image, standing: { id: image.id, chain, diffIds, history, created, isArgsEscaped } };
  }

  #has(id: string): boolean {
    if (this.made.some((one) => one.id === id)) return true;
    try {
      return this.parts.store.resolve(id).id === id;
    } catch {
      return false;
    }
  }
}

/** How BuildKit's output begins of a process that could not be started; the classic builder tells that as its error. */
const startComplaint = 'runc run failed: ';

function makesLayer({ instruction, settings }: EvaluatedStep): boolean {
  if (instruction.type === 'WORKDIR') return resolveDirectory(settings.workingDirectory, instruction.value) !== '/';
  return ['RUN', 'COPY', 'ADD'].includes(instruction.type);
}
