import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail, messageOf } from '#std/errors';
import { log } from '#std/log';
import { type Collected, collect } from './collect.ts';
import type { RetentionRule } from './retention.ts';
import { openStorage } from './storage.ts';

const socketOf = (root: string): string => join(root, 'admin.sock');

/** Takes orders from who may open the root's files: `POST /collect` (`?dry-run`), answered with what went. */
export function serveAdmin(root: string, run: (dryRun: boolean) => Promise<Collected>): Disposable {
  const socket = socketOf(root);
  // That of a killed one: the root is this process's own by now.
  rmSync(socket, { force: true });
  try {
    const server = Bun.serve({
      unix: socket,
      async fetch(request, server) {
        // A large registry takes its time.
        server.timeout(request, 0);
        const { pathname, searchParams } = new URL(request.url);
        if (request.method !== 'POST' || pathname !== '/collect') return new Response('not found', { status: 404 });
        try {
          return Response.json(await run(searchParams.has('dry-run')));
        } catch (error) {
          return new Response(messageOf(error), { status: 500 });
        }
      },
    });
    return {
      [Symbol.dispose]() {
        void server.stop(true);
        rmSync(socket, { force: true });
      },
    };
  } catch (error) {
    log('warn', 'no garbage is collected on demand: its socket cannot be made', { socket, error: messageOf(error) });
    return { [Symbol.dispose]: () => undefined };
  }
}

interface AdminOptions {
  readonly rules: readonly RetentionRule[];
  readonly graceMs: number;
  readonly uploadLifeMs: number;
  readonly dryRun: boolean;
  /** Somebody chose these rules and times, so that those of a registry that serves will not do. */
  readonly isChosen: boolean;
}

async function ask(root: string, dryRun: boolean): Promise<Response | undefined> {
  try {
    const url = `http://registry/collect${dryRun ? '?dry-run' : ''}`;
    return await fetch(url, { method: 'POST', unix: socketOf(root), signal: AbortSignal.timeout(24 * 3_600_000) });
  } catch {
    return undefined;
  }
}

/**
 * Has the registry that serves `root` collect garbage, by its own rules and times; where none serves it, does so itself with
 * those given. Throws `conflict` when the root is in use and nobody answers,
 * or when these were chosen though one serves it, and `not-found` where no registry has ever been.
 */
export async function collectGarbage(root: string, options: AdminOptions): Promise<Collected> {
  if (!existsSync(join(root, 'registry.db'))) throw fail('not-found', `there is no registry in ${root}`);
  if (options.isChosen && (await fetch('http://registry/', { unix: socketOf(root) }).catch(() => undefined))) {
    throw fail('conflict', `a registry serves ${root}, and has rules and times of its own: give none here`);
  }
  const answer = await ask(root, options.dryRun);
  if (answer?.ok) return (await answer.json()) as Collected;
  if (answer !== undefined) throw fail('internal', `the registry did not collect: ${await answer.text()}`);
  using storage = openStorage(root, options.graceMs);
  return await collect(storage, options);
}
