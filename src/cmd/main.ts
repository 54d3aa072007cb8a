import { basename } from 'node:path';

/** Each entry is loaded only by the process that it is for: the keeper stays small, and the CLI starts fast. */
async function main(argv: readonly string[]): Promise<number | undefined> {
  const [first, ...rest] = argv;
  const name = basename(process.argv0) === 'docker' ? 'docker' : 'estiba';
  if (first === 'keeper') {
    await (await import('./keeper.ts')).keeperMain(rest);
    return undefined;
  }
  if (first === 'engine' && name === 'estiba') return (await import('./engine/command.ts')).engineMain(rest);
  return (await import('#cli')).runCli(argv, { name });
}

main(process.argv.slice(2)).then(
  (code) => {
    if (code !== undefined) process.exit(code);
  },
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
