import { posix } from 'node:path';
import { type AddInstruction, type CopyInstruction, type EvaluatedStep, isGitSource, isWebSource } from '#dockerfile';
import { createVertex } from '../graph/create-vertex.ts';
import type { CopyAction, FileStep } from '../graph/operation.ts';
import type { Edge, Vertex } from '../graph/vertex.ts';
import { copyAction } from './copy-action.ts';
import { gitSource, parseGitReference } from './git-source.ts';
import { inlineFile } from './inline-file.ts';
import { parseOwner } from './owner.ts';
import { splitParents } from './parents.ts';
import { type FileSource, type StageRun, vertexOf } from './stage-state.ts';

type Transfer = CopyInstruction | AddInstruction;

/** One copy: what it is from, and how. */
interface Copy {
  readonly from: FileSource;
  readonly action: CopyAction;
}

/** Where a COPY goes: absolute, with a `/` at the end when it must be a directory. */
function destinationOf({ destination }: Transfer, workingDirectory: string): string {
  const path = posix.join('/', destination.startsWith('/') ? '' : workingDirectory, destination);
  const isDirectory = destination === '' || destination === '.' || /(?:^|\/)\.?$/.test(destination);
  return isDirectory && !path.endsWith('/') ? `${path}/` : path;
}

const withoutSlash = (path: string): string => (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);
const normalized = (path: string): string => withoutSlash(posix.join('/', path));

/** The permissions that all copies of a step are given. */
function modeOf(chmod: string): Pick<CopyAction, 'mode'> {
  if (chmod === '') return {};
  return { mode: /^[0-7]+$/.test(chmod) ? Number.parseInt(chmod, 8) : chmod };
}

/** The copies of one COPY or ADD, each with the vertex that its files come of. */
class Copies {
  readonly #shared: Omit<CopyAction, 'source'>;

  constructor(
    readonly run: StageRun,
    readonly step: EvaluatedStep,
    readonly instruction: Transfer,
    readonly name: string,
  ) {
    const { chmod, chown } = instruction;
    const { epochSeconds } = run.options;
    this.#shared = {
      ...copyAction({ source: '', destination: destinationOf(instruction, step.settings.workingDirectory) }),
      ...modeOf(chmod),
      ...(chown !== '' && { owner: parseOwner(chown) }),
      ...(epochSeconds !== undefined && { timestampNs: (epochSeconds * 1_000_000_000n).toString() }),
    };
  }

  all(): Copy[] {
    const { sources, files } = this.instruction;
    return [...sources.map((source) => this.#of(source)), ...files.map((file) => this.#inline(file))];
  }

  #of(source: string): Copy {
    if (this.instruction.type === 'ADD') {
      if (isGitSource(source)) return this.#git(this.instruction, source);
      if (isWebSource(source)) return this.#web(this.instruction, source);
    }
    return this.#local(source);
  }

  #vertex(): Pick<Vertex, 'platform' | 'isUncached' | 'origin' | 'name'> {
    return { ...vertexOf(this.run, this.step), name: this.name };
  }

  #git(instruction: AddInstruction, source: string): Copy {
    const { checksum, keepGitDirectory } = instruction;
    const edge = gitSource(parseGitReference(source), {
      keepsGitDirectory: keepGitDirectory,
      ...(checksum !== '' && { checksum }),
      ...this.#vertex(),
    });
    return { from: { edge }, action: { ...this.#shared, source: '/', copiesContents: true, ...this.#excludes() } };
  }

  #web(instruction: AddInstruction, source: string): Copy {
    const { checksum, unpack } = instruction;
    const fileName = posix.basename(URL.canParse(source) ? decodeURIComponent(new URL(source).pathname) : '');
    const file = fileName === '' ? '__unnamed__' : fileName;
    const attributes = { 'http.filename': file, ...(checksum !== '' && { 'http.checksum': checksum }) };
    const operation = { type: 'source', identifier: source, attributes } as const;
    const vertex = createVertex({ ...this.#vertex(), operation, inputs: [] });
    const action = { ...this.#shared, source: `/${file}`, unpacks: unpack === true };
    return { from: { edge: { vertex, output: 0 } }, action };
  }

  #excludes(): Partial<CopyAction> {
    return { excludes: this.instruction.excludes };
  }

  #local(source: string): Copy {
    const { instruction, run, step } = this;
    const isParents = instruction.type === 'COPY' && instruction.parents;
    const { root, pattern } = isParents ? splitParents(source) : { root: source, pattern: '' };
    const includes = isParents ? [pattern] : [];
    const action: CopyAction = {
      ...this.#shared,
      source: normalized(root),
      followsSymlink: true,
      copiesContents: true,
      allowsWildcard: true,
      allowsEmptyWildcard: !run.options.isClassic,
      unpacks: instruction.type === 'ADD' && instruction.unpack !== false,
      includes,
      ...(isParents && { keepsParents: true, ...(!/[*?[\\]/.test(pattern) && { requiredPaths: includes }) }),
      ...this.#excludes(),
    };
    const from = run.sourceOf(step, 0) ?? { edge: run.context() };
    return { from, action };
  }

  #inline({ name, content }: Transfer['files'][number]): Copy {
    const path = normalized(name);
    const edge = inlineFile(this.run, this.step, path, content, 0o644);
    return { from: { edge }, action: { ...this.#shared, source: path } };
  }
}

/** Copies one after the other into `base`, as one vertex. */
function copyInto(
  base: Edge | undefined,
  copies: readonly Copy[],
  rest: Omit<Vertex, 'digest' | 'operation' | 'inputs'>,
): Edge {
  const inputs: Edge[] = base === undefined ? [] : [base];
  const indexes = copies.map(({ from: { edge } }) => {
    if (edge === undefined) return -1;
    const known = inputs.findIndex(
      (one, index) =>
        (index > 0 || base === undefined) && one.vertex.digest === edge.vertex.digest && one.output === edge.output,
    );
    return known === -1 ? inputs.push(edge) - 1 : known;
  });
  const actions = copies.map(
    ({ action }, index): FileStep => ({
      input: index === 0 ? (base === undefined ? -1 : 0) : inputs.length + index - 1,
      secondaryInput: indexes[index] ?? -1,
      output: index === copies.length - 1 ? 0 : -1,
      action,
    }),
  );
  const vertex = createVertex({ ...rest, operation: { type: 'file', actions }, inputs });
  return { vertex, output: 0 };
}

/**
 * COPY or ADD on top of `base`. `--link` changes nothing, as with Docker's usual store: owners by name are looked up in what is below,
 * directories and links there stay.
 */
export function transfer(run: StageRun, step: EvaluatedStep, instruction: Transfer, base: Edge | undefined): Edge {
  const name = run.names.step(step);
  return copyInto(base, new Copies(run, step, instruction, name).all(), { ...vertexOf(run, step), name });
}
