import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Exit, StartRequest } from '../protocol.ts';

/** What is known of a process once it runs. */
export interface RunningRecord {
  readonly pid: number;
  /** Clock ticks since boot at which it started, as in /proc/PID/stat: tells it from a later owner of its pid. */
  readonly startTime: string;
  readonly startedAtNs: string;
}

/** What a next keeper must know of a process, as task.json has it. */
export interface TaskRecord {
  readonly request: StartRequest;
  /** Missing while the OCI runtime is at work on the start. */
  readonly running?: RunningRecord;
  /** A client has closed the process's input. */
  readonly inputClosed?: boolean;
}

/** An exit as exit.json has it. */
export interface ExitRecord extends Exit {
  readonly neverRan?: boolean;
}

/** Longer than any exit. */
const exitRoomBytes = 2048;

/** The files of one process, all in one directory of the exec root. */
export interface TaskFiles {
  readonly directory: string;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly pid: string;
  readonly runtimeLog: string;
  /** The chunk of output on its way to the log; see chunk-mark.ts. */
  readonly mark: string;
}

/**
 * The keeper's memory across its own death: one directory for each process. It lies on a file system that a reboot
 * empties, as it does the processes, so nothing is synced; a kill -9 loses no write that was made.
 */
export class Journal {
  readonly #root: string;

  constructor(execRoot: string) {
    this.#root = join(execRoot, 'tasks');
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
  }

  files(id: string): TaskFiles {
    const directory = join(this.#root, id);
    return {
      directory,
      stdin: join(directory, 'stdin'),
      stdout: join(directory, 'stdout'),
      stderr: join(directory, 'stderr'),
      pid: join(directory, 'pid'),
      runtimeLog: join(directory, 'runtime.log'),
      mark: join(directory, 'mark'),
    };
  }

  ids(): string[] {
    return readdirSync(this.#root);
  }

  create(id: string): void {
    rmSync(this.files(id).directory, { recursive: true, force: true });
    mkdirSync(this.files(id).directory, { mode: 0o700 });
    // Room for the exit, which must not be lost for want of it: it is written in place.
    writeFileSync(join(this.files(id).directory, 'exit.json.new'), ' '.repeat(exitRoomBytes));
  }

  remove(id: string): void {
    rmSync(this.files(id).directory, { recursive: true, force: true });
  }

  writeTask(id: string, record: TaskRecord): void {
    this.#write(id, 'task.json', record);
  }

  writeExit(id: string, exit: ExitRecord): void {
    const path = join(this.#root, id, 'exit.json');
    const text = JSON.stringify(exit).padEnd(exitRoomBytes);
    // Not truncated first: the blocks that are there are written over.
    writeFileSync(`${path}.new`, text, { flag: existsSync(`${path}.new`) ? 'r+' : 'w' });
    renameSync(`${path}.new`, path);
  }

  readTask(id: string): TaskRecord | undefined {
    return this.#read(id, 'task.json') as TaskRecord | undefined;
  }

  readExit(id: string): ExitRecord | undefined {
    return this.#read(id, 'exit.json') as ExitRecord | undefined;
  }

  #write(id: string, name: string, value: object): void {
    const path = join(this.#root, id, name);
    writeFileSync(`${path}.new`, JSON.stringify(value));
    renameSync(`${path}.new`, path);
  }

  #read(id: string, name: string): unknown {
    try {
      return JSON.parse(readFileSync(join(this.#root, id, name), 'utf8'));
    } catch {
      return undefined;
    }
  }
}
