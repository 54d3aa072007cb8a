import type { Warning } from '#dockerfile';
import type { OnProgress } from '../progress.ts';
import type { BuildFiles } from './build-files.ts';

/** Where a rule is explained: `https://docs.docker.com/go/dockerfile/rule/stage-name-casing/`. */
export function ruleUrl(rule: string): string {
  const words = rule
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
  return `https://docs.docker.com/go/dockerfile/rule/${words}/`;
}

/** Tells what checks found, with the vertex that the Dockerfile is loaded by. */
export function reportWarnings(
  warnings: readonly Warning[],
  { definition, fileName, text }: Pick<BuildFiles, 'definition' | 'fileName' | 'text'>,
  onProgress: OnProgress,
): void {
  for (const { rule, detail, description, lines } of warnings) {
    onProgress({
      type: 'warning',
      vertex: definition.vertex.digest,
      level: 1,
      short: `${rule}: ${detail} (line ${lines.first})`,
      detail: [description],
      url: ruleUrl(rule),
      fileName,
      source: text,
      ranges: [lines],
    });
  }
}
