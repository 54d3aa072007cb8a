import type { EvaluatedStage, EvaluatedStep, LineRange, PlannedStage } from '#dockerfile';
import type { Platform } from '#oci';
import type { Edge, Vertex } from '../graph/vertex.ts';
import type { BaseImage, ImageDraft } from './image-config.ts';
import type { DockerfileOptions } from './options.ts';
import type { StepNames } from './step-names.ts';

/** What files are copied from, or a stage is built on. */
export interface FileSource {
  /** Undefined for an empty file system. */
  readonly edge?: Edge | undefined;
}

/** A stage when it was gone through. */
export interface FinishedStage extends FileSource {
  readonly evaluated: EvaluatedStage;
  readonly image: ImageDraft;
  /** What it is built on, and what it was after each of its steps. */
  readonly start: StageStart;
  readonly edges: readonly (Edge | undefined)[];
  /** What its steps run on. */
  readonly platform: Platform;
  /** The configuration of the image that it all began with. */
  readonly baseContent?: Uint8Array | undefined;
}

/** What a stage begins with. */
export interface StageStart extends FileSource {
  readonly base: FinishedStage | BaseImage;
}

/** What is the same for all steps of a stage. */
export interface StageRun {
  readonly options: DockerfileOptions;
  readonly stage: PlannedStage;
  readonly platform: Platform;
  readonly names: StepNames;
  readonly isUncached: boolean;
  readonly escapeCharacter: string;
  readonly origin: (lines: LineRange) => NonNullable<Vertex['origin']>;
  /** The context of the build. */
  readonly context: () => Edge;
  /** What the `index`th source of a step is; undefined when the step has none there. */
  readonly sourceOf: (step: EvaluatedStep, index: number) => FileSource | undefined;
}

/** What all vertices of a step have in common. */
export function vertexOf(run: StageRun, step: EvaluatedStep): Pick<Vertex, 'platform' | 'isUncached' | 'origin'> {
  return { platform: run.platform, isUncached: run.isUncached, origin: run.origin(step.instruction.node.lines) };
}
