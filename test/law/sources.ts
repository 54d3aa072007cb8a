import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const projectRoot = join(import.meta.dir, '../..');

/** One TypeScript file of the project. */
export interface Source {
  /** Relative to the project's root. */
  readonly path: string;
  readonly text: string;
}

/** Every TypeScript file below the given folders. */
export function sourcesIn(...folders: readonly string[]): Source[] {
  return folders
    .flatMap((folder) => [...new Bun.Glob(`${folder}/**/*.ts`).scanSync(projectRoot)])
    .filter((path) => !path.includes('/node_modules/'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(projectRoot, path), 'utf8') }));
}

/** What a file imports, types too, in whatever form it is written. */
export function importsOf(text: string): string[] {
  const forms = [
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*[),]/g,
  ];
  return forms.flatMap((form) => [...text.matchAll(form)].map((match) => match[1] ?? ''));
}
