import type { ContainerStats } from '#api';
import { containerStats, type EngineClient, engineEvents, inspectContainer, listContainers } from '#client';
import { EstibaError } from '#std/errors';
import { defineCommand, type Invocation } from '../../grammar/command.ts';
import { toggle } from '../../grammar/flag.ts';
import { listFormat } from '../../grammar/format-flag.ts';
import { printListing } from '../../print/listing.ts';
import { writeBytes } from '../../streams/byte-output.ts';
import { writeOut } from '../../streams/text-output.ts';
import { type UsageRow, usageListing } from './usage.ts';

const redrawMs = 500;

const statsFlags = {
  all: toggle('Those that do not run too', { short: 'a' }),
  format: listFormat(),
  'no-stream': toggle('Show one sample and end'),
  'no-trunc': toggle('Show everything in full length'),
};

type Stats = Invocation<typeof statsFlags>;

async function namesOf({ flags, args, engine }: Stats): Promise<readonly string[]> {
  if (args.length > 0) return args;
  return (await listContainers(engine, { all: flags.all })).map(({ Id }) => Id);
}

const bare = (name: string): string => name.replace(/^\//, '');

function rowOf(container: string, sample: ContainerStats): UsageRow {
  return { container, id: sample.id ?? container, name: bare(sample.name ?? ''), sample };
}

/** API versions before 1.52 and some engines leave identity out of the first sample: it is asked for then. */
async function identified(engine: EngineClient, row: UsageRow): Promise<UsageRow> {
  if (row.sample?.id !== undefined) return row;
  const { Id, Name } = await inspectContainer(engine, row.container);
  return { ...row, id: Id, name: bare(Name) };
}

async function sampleOnce(engine: EngineClient, container: string): Promise<UsageRow> {
  for await (const sample of await containerStats(engine, container, { stream: false })) {
    return identified(engine, rowOf(container, sample));
  }
  return { container, id: container, name: '', sample: undefined };
}

async function showOnce(invocation: Stats): Promise<number> {
  const { engine, flags, args } = invocation;
  const results = await Promise.allSettled((await namesOf(invocation)).map((name) => sampleOnce(engine, name)));
  const rows: UsageRow[] = [];
  for (const result of results) {
    if (result.status === 'fulfilled') rows.push(result.value);
    // One that was listed and has gone since is not missed.
    else if (args.length > 0 || !isAbsent(result.reason)) throw result.reason;
  }
  writeOut(await printListing(usageListing(!flags['no-trunc']), rows, formatOf(invocation)));
  return 0;
}

function formatOf({ flags, config }: Stats): string {
  return flags.format || config.statsFormat || '';
}

const isAbsent = (error: unknown): boolean => error instanceof EstibaError && error.kind === 'not-found';

/** The newest sample of each container that is followed, in the order in which they came. */
class Board {
  readonly rows = new Map<string, UsageRow>();
  readonly #following = new Set<string>();

  constructor(readonly engine: EngineClient) {}

  get followed(): number {
    return this.#following.size;
  }

  /** Follows a container's samples until they end; then its row goes. */
  async follow(container: string): Promise<void> {
    if (this.#following.has(container)) return;
    this.#following.add(container);
    this.rows.set(container, { container, id: container, name: '', sample: undefined });
    try {
      for await (const sample of await containerStats(this.engine, container, { stream: true })) {
        this.rows.set(container, await identified(this.engine, rowOf(container, sample)));
      }
    } finally {
      this.#following.delete(container);
      this.rows.delete(container);
    }
  }
}

/** Containers that start later are followed too, when none were named. */
async function followStarts(engine: EngineClient, board: Board, all: boolean): Promise<void> {
  const filters = new Map([
    ['type', ['container']],
    ['event', all ? ['create', 'start'] : ['start']],
  ]);
  for await (const { event } of await engineEvents(engine, { filters })) {
    board.follow(event.Actor.ID).catch(() => undefined);
  }
}

async function showStream(invocation: Stats): Promise<number> {
  const { engine, flags, args } = invocation;
  const board = new Board(engine);
  const names = await namesOf(invocation);
  // Whoever names containers wants to know of one that is not there.
  let failure: unknown;
  for (const name of names) {
    board.follow(name).catch((error: unknown) => {
      if (args.length > 0) failure ??= error;
    });
  }
  if (args.length === 0) {
    followStarts(engine, board, flags.all).catch((error: unknown) => {
      failure ??= error;
    });
  }
  const listing = usageListing(!flags['no-trunc']);
  do {
    await Bun.sleep(redrawMs);
    if (failure !== undefined) throw failure;
    const text = await printListing(listing, [...board.rows.values()], formatOf(invocation));
    // Home, each line cleared to its end, and all below: a screen that does not flicker.
    await writeBytes(1, Buffer.from(`\u001b[H${text.replaceAll('\n', '\u001b[K\n')}\u001b[J`));
  } while (args.length === 0 || board.followed > 0);
  return 0;
}

/** `container stats`. */
export const stats = defineCommand({
  usage: '[OPTIONS] [CONTAINER...]',
  examples: [['stats --no-stream --format "{{.Name}} {{.MemUsage}}"', 'Print the memory of each container once']],
  flags: statsFlags,
  args: { min: 0 },
  operands: ['running-container'],
  run: (invocation) => (invocation.flags['no-stream'] ? showOnce(invocation) : showStream(invocation)),
});
