import { readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';

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

/** What a file needs of others when it runs: `importsOf` without what imports types alone. */
export function runtimeImportsOf(text: string): string[] {
  const withoutTypes = text
    .replace(/^\s*(?:import|export)\s+type\b[^'"`;]*?\bfrom\s*['"][^'"]+['"]/gm, '')
    .replace(/\btypeof import\([^)]*\)/g, '');
  return importsOf(withoutTypes);
}

/** Files that import each other in a circle, each circle as a list of paths. */
export function importCircles(sources: readonly Source[]): string[][] {
  const paths = new Set(sources.map(({ path }) => path));
  const imports = new Map(
    sources.map(({ path, text }) => {
      const targets = runtimeImportsOf(text).filter((specifier) => specifier.startsWith('.'));
      return [path, targets.map((target) => normalize(join(path, '..', target))).filter((target) => paths.has(target))];
    }),
  );
  const circles: string[][] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) circles.push(trail.slice(start));
    if (start >= 0 || done.has(path)) return;
    for (const target of imports.get(path) ?? []) walk(target, [...trail, path]);
    done.add(path);
  };
  for (const path of paths) walk(path, []);
  return circles;
}
