import { posix } from 'node:path';
import { type EvaluatedStep, isGitSource, isWebSource } from '#dockerfile';
import { splitParents } from './parents.ts';

/** The paths of the context that a step takes files from; `/` stands for all of it. */
function pathsOf({ instruction, sources }: EvaluatedStep): string[] {
  if (instruction.type === 'RUN') {
    return instruction.mounts.flatMap(({ type, source }, index) =>
      type === 'bind' && sources[index] === undefined ? [posix.join('/', source)] : [],
    );
  }
  if (instruction.type === 'ADD') {
    return instruction.sources.filter((source) => !isWebSource(source) && !isGitSource(source)).map(clean);
  }
  if (instruction.type !== 'COPY' || instruction.from !== '') return [];
  return instruction.sources.map((source) => {
    if (!instruction.parents) return clean(source);
    const { root, pattern } = splitParents(source);
    // What is asked for of the client by name has no pattern over several directories.
    return pattern.includes('**') ? clean(root) : clean(posix.join(root, pattern));
  });
}

function clean(path: string): string {
  const joined = posix.join('/', path);
  return joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined;
}

/** What of the context is needed for steps, relative paths in order; undefined for all of it. */
export function contextPaths(steps: Iterable<EvaluatedStep>): readonly string[] | undefined {
  const all = new Set<string>();
  for (const step of steps) for (const path of pathsOf(step)) all.add(path.slice(1));
  return all.has('') ? undefined : [...all].sort();
}
