import { runCli } from '#cli';
import { engineEntries } from './engine/entries.ts';
import { registryEntries, registryGroup } from './registry/entries.ts';
import { programVersion } from './version.ts';

/** How long a command may take before the built program, which starts with its compiler held back, lets go of it. */
const shortCommandMs = 50;

function compileAsUsual(): void {
  Bun.unsafe.setJITPolicy(1);
}

/**
 * Each entry is loaded only by the process that it is for, so that the keeper stays small. The CLI's is small itself, loads
 * each command when it is run, and starts sooner with its first part in hand.
 */
async function main(argv: readonly string[]): Promise<number | undefined> {
  const [first, ...rest] = argv;
  // The launcher cannot set argv[0] in POSIX sh, so it passes the name it was called by.
  const name = /(?:^|\/)docker$/.test(process.env.ESTIBA_INVOKED_AS ?? process.argv0) ? 'docker' : 'estiba';
  delete process.env.ESTIBA_INVOKED_AS;
  if (first === 'keeper') {
    compileAsUsual();
    await (await import('./keeper.ts')).keeperMain(rest);
    // Its work is done, but its signal handlers would keep the process.
    return 0;
  }
  if (first === 'porter' && name === 'estiba') {
    compileAsUsual();
    await (await import('./porter.ts')).porterMain(rest);
    return 0;
  }
  if (first === 'examiner' && name === 'estiba') {
    compileAsUsual();
    await (await import('./examiner.ts')).examinerMain();
    return 0;
  }
  if (first === 'unpacker' && name === 'estiba') {
    compileAsUsual();
    await (await import('./unpacker.ts')).unpackerMain();
    return 0;
  }
  if (first === 'build-worker' && name === 'estiba') {
    compileAsUsual();
    await (await import('./build-worker.ts')).buildWorkerMain();
    return 0;
  }
  if (first === 'file-receiver' && name === 'estiba') {
    compileAsUsual();
    await (await import('./file-receiver.ts')).fileReceiverMain();
    return 0;
  }
  if (first === 'volume-mount' && name === 'estiba') return (await import('./volume-mount.ts')).volumeMountMain(rest);
  if (first === 'engine' && name === 'estiba') {
    compileAsUsual();
    return (await import('./engine/command.ts')).engineMain(rest);
  }
  setTimeout(compileAsUsual, shortCommandMs).unref();
  const beside = { entries: [...engineEntries, ...registryEntries], groups: registryGroup };
  return runCli(argv, { name, version: programVersion, ...(name === 'docker' ? {} : { beside }) });
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
