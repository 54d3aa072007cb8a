import { DockerfileError, type LineRange } from './source.ts';

/** A stage, and the stages that its instructions copy from or mount, with the lines that do. */
export interface Copying {
  readonly label: string;
  readonly copies: ReadonlyMap<number, LineRange>;
}

/** Throws when stages copy from each other, or one from itself. */
export function requireNoCircle(drafts: readonly Copying[]): void {
  const done = new Set<number>();
  for (const [first, { label }] of drafts.entries()) {
    // Stages that are being visited, each with its dependencies that are still to be, and the lines that led to it.
    const path: { index: number; rest: [number, LineRange][]; lines?: LineRange }[] = [];
    const onPath = new Set<number>();
    const enter = (index: number, lines?: LineRange): void => {
      if (done.has(index)) return;
      done.add(index);
      onPath.add(index);
      path.push({ index, rest: [...(drafts[index]?.copies ?? [])], ...(lines && { lines }) });
    };
    enter(first);
    for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
      const next = last.rest.shift();
      if (next === undefined) {
        path.pop();
        onPath.delete(last.index);
        continue;
      }
      if (onPath.has(next[0])) {
        const lines = [...path.flatMap((one) => one.lines ?? []), next[1]];
        throw new DockerfileError(`circular dependency detected on stage: ${label}`, lines);
      }
      enter(next[0], next[1]);
    }
  }
}
