import type { control } from '#build-api';
import type { BuildContext, Edge } from '#builder';
import type { Written } from '#grpc';
import { fail } from '#std/errors';
import { openRecords } from '#store';
import { openBuildkit } from '../open.ts';
import { fakeBuilder } from './fake-builder.ts';
import { callsOf } from './local-calls.ts';

/** What a fake builder does when it works out an edge. */
export type FakeSolve = (edge: Edge, context: BuildContext) => void | Promise<void>;

/** BuildKit's face over records in that file and a builder that makes nothing. */
export function openFakeEngine(path: string, solve?: FakeSolve) {
  const records = openRecords(path);
  const fake = fakeBuilder(solve);
  const buildkit = openBuildkit({
    records,
    builder: async () => fake.builder,
    sessions: async () => {
      throw fail('unavailable', 'no active session');
    },
    worker: {
      id: 'w',
      version: '1',
      hostGateway: () => '172.17.0.1',
      gcPolicies: () => [],
    },
  });
  return {
    ...fake,
    records,
    buildkit,
    calls: callsOf(buildkit.services),
    [Symbol.dispose]: () => records[Symbol.dispose](),
  };
}

/** A build of a Dockerfile into an image of the engine. */
export const dockerfile = (
  ref: string,
  attributes: Record<string, string> = {},
): Written<typeof control.solveRequest> => ({
  ref,
  frontend: 'dockerfile.v0',
  frontendAttrs: new Map(Object.entries(attributes)),
  exporters: [{ type: 'moby', attrs: new Map([['name', 'x']]) }],
});
