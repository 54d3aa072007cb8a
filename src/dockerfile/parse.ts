import { fail } from '#std/errors';
import { readFlags } from './flags.ts';
import type { ArgInstruction, Instruction, Stage } from './instruction.ts';
import { descriptionOf, parseInstruction } from './parse-instruction.ts';
import { quoteGo } from './quote.ts';
import { DockerfileError, type LineRange, onLines } from './source.ts';
import { type Node, parseSyntax, type SyntaxTree } from './syntax.ts';

/** A Dockerfile with all that is known of it before anything is built. */
export interface Dockerfile {
  readonly source: string;
  readonly syntax: SyntaxTree;
  /** The ARGs in front of the first FROM. */
  readonly globalArguments: readonly ArgInstruction[];
  readonly stages: readonly Stage[];
}

/** Who is told of what is read, before what is wrong with it is thrown. */
export interface ParseWatch {
  readonly onNode?: (node: Node) => void;
  readonly onEmptyContinuation?: (lines: LineRange) => void;
}

type OpenStage = Omit<Stage, 'instructions'> & { readonly instructions: Instruction[] };

function nameOf(node: Node): string {
  const [, keyword, name] = node.words.map(({ text }) => text);
  if (node.words.length === 1) return '';
  if (node.words.length !== 3 || keyword?.toLowerCase() !== 'as' || name === undefined) {
    throw fail('invalid-argument', 'FROM requires either one or three arguments');
  }
  const lower = name.toLowerCase();
  if (/^[a-z][a-z0-9_.-]*$/.test(lower)) return lower;
  const why = "name can't start with a number or contain symbols";
  throw fail('invalid-argument', `invalid name for build stage: ${quoteGo(name)}, ${why}`);
}

function parseStage(node: Node): OpenStage {
  const name = nameOf(node);
  const { platform } = readFlags(node.flags, { platform: 'text' });
  const description = descriptionOf(node, name);
  const base = node.words[0]?.text ?? '';
  return { node, name, platform, base, instructions: [], ...(description !== undefined && { description }) };
}

/** Runs a step on a node; what goes wrong is said to be a parse error on its first line. */
function parsing<T>(node: Node, step: () => T): T {
  try {
    return onLines(node.lines, step);
  } catch (error) {
    if (!(error instanceof DockerfileError)) throw error;
    throw new DockerfileError(`dockerfile parse error on line ${node.lines.first}: ${error.message}`, error.lines);
  }
}

/**
 * Parses a Dockerfile: its directives, stages and their instructions, with variables left as they are written. Throws `DockerfileError`, in
 * BuildKit's words, for the first thing that is wrong.
 */
export function parseDockerfile(source: string, watch: ParseWatch = {}): Dockerfile {
  const syntax = parseSyntax(source);
  for (const lines of syntax.emptyContinuations) watch.onEmptyContinuation?.(lines);
  const globalArguments: ArgInstruction[] = [];
  const stages: OpenStage[] = [];
  for (const node of syntax.nodes) {
    watch.onNode?.(node);
    if (node.name === 'FROM') {
      stages.push(parsing(node, () => parseStage(node)));
      continue;
    }
    const instruction = parsing(node, () => parseInstruction(node));
    const stage = stages.at(-1);
    if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.type === 'ARG') globalArguments.push(instruction);
    else throw new DockerfileError('no build stage in current context', [node.lines]);
  }
  if (stages.length === 0) throw new DockerfileError('dockerfile contains no stages to build');
  return { source, syntax, globalArguments, stages };
}

/** Parses what an image's ONBUILD holds; what it gives is said to stand on the lines of `at`. */
export function parseTrigger(text: string, at: Node): Instruction {
  const { nodes } = onLines(at.lines, () => parseSyntax(text));
  const [node] = nodes;
  if (node === undefined || nodes.length > 1) {
    throw new DockerfileError('onbuild trigger should be a single expression', [at.lines]);
  }
  const moved: Node = { ...node, lines: at.lines, range: at.range, rangeOf: () => at.range };
  if (node.name === 'FROM') throw new DockerfileError("FROM isn't allowed as an ONBUILD trigger", [at.lines]);
  return onLines(at.lines, () => parseInstruction(moved));
}
