/**
 * Builds `dist/estiba` (or `estiba` in the directory given): one file that is engine, keeper and CLI, and runs with no node_modules beside it. The link
 * `dist/docker` to it is a docker CLI; below `dist/man` are its man pages.
 */
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dir, '..');
const dist = process.argv[2] ?? join(root, 'dist');
const startedAt = new Date();
mkdirSync(dist, { recursive: true });

const fresh = join(dist, 'estiba.new');
const build = Bun.spawnSync(
  // Bytecode needs the format spelt out, else modules with a top-level await are refused.
  [
    process.execPath,
    'build',
    join(root, 'src/cmd/main.ts'),
    // The beginnings of threads, which are named by their places below src.
    join(root, 'src/networks/names/thread.ts'),
    join(root, 'src/linux/link-removal-thread.ts'),
    '--compile',
    '--minify',
    '--bytecode',
    '--format=esm',
    // One chunk for each dynamic import: in a single one the built-in modules of all of them, node:http and bun:sqlite
    // too, are loaded at the start of every command, which costs the CLI some 20 ms.
    '--splitting',
    // Else the program runs code (a preload), and takes variables, that files of the directory it is called in name.
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    // A short command ends before compiled code has paid for its compiling; cmd/main.ts ends this for what goes on.
    '--compile-jit-policy=100',
    '--outfile',
    fresh,
  ],
  { cwd: root, stdout: 'pipe', stderr: 'pipe' },
);
if (build.exitCode !== 0) {
  process.stderr.write(build.stderr);
  process.exit(1);
}
// bin/estiba takes this file as long as no source is newer, so its time is that of the sources it was built from.
utimesSync(fresh, startedAt, startedAt);
renameSync(fresh, join(dist, 'estiba'));
rmSync(join(dist, 'docker'), { force: true });
symlinkSync('estiba', join(dist, 'docker'));
const pages = Bun.spawnSync([join(dist, 'estiba'), '__manual', join(dist, 'man/man1')], { stderr: 'pipe' });
if (pages.exitCode !== 0) {
  process.stderr.write(pages.stderr);
  process.exit(1);
}
console.log(`${join(dist, 'estiba')} built in ${Date.now() - startedAt.getTime()} ms`);
