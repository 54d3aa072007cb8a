import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { printGraph } from '../graph/print.ts';
import { verticesOf } from '../graph/walk.ts';
import { createFixture } from './testing/fixture.ts';

const busybox = { 'docker.io/library/busybox:latest': { architecture: 'amd64', os: 'linux', config: { Cmd: ['sh'] } } };

test('a Dockerfile becomes a graph whose steps are named as BuildKit names them', async () => {
  using fixture = createFixture(
    {
      dockerfile: {
        Dockerfile: `FROM busybox AS base
ARG v=1
ENV E=x
WORKDIR /w
RUN echo "hi $E" && mkdir made
COPY --link a b /dst/
FROM base AS second
RUN <<EOF
echo one
echo two
EOF
COPY <<f1 <<f2 /inline/
hello $E
f1
other
f2
COPY --from=base /w /w2
FROM nowhere AS unneeded
FROM busybox
COPY --from=second /inline /inline
user 1000
WORKDIR /x/y
COPY --chown=1:2 a b /q/
CMD ["sh"]
`,
      },
      context: {},
    },
    busybox,
  );
  const { outputs } = await fixture.build();
  expect(printGraph(outputs.flatMap(({ edge }) => edge ?? []))).toBe(
    `0: source docker-image://docker.io/library/busybox:latest linux/amd64 — [base 1/4] FROM docker.io/library/busybox:latest
1: file make-directory (0) linux/amd64 — [base 2/4] WORKDIR /w
2: exec ["/bin/sh","-c","echo \\"hi $E\\" && mkdir made"] (1) linux/amd64 — [base 3/4] RUN echo "hi x" && mkdir made
3: source local://context linux/amd64 — [internal] load build context
4: file copy, copy (2, 3) linux/amd64 — [base 4/4] COPY --link a b /dst/
5: exec ["/bin/sh","-c","echo one\\necho two\\n"] (4) linux/amd64 — [second 1/3] RUN <<EOF (echo one...)
6: file make-file linux/amd64 — [internal] preparing inline document
7: file make-file linux/amd64 — [internal] preparing inline document
8: file copy, copy (5, 6, 7) linux/amd64 — [second 2/3] COPY <<f1 <<f2 /inline/
9: file copy (8, 4) linux/amd64 — [second 3/3] COPY --from=base /w /w2
10: file copy (0, 9) linux/amd64 — [stage-3 2/4] COPY --from=second /inline /inline
11: file make-directory (10) linux/amd64 — [stage-3 3/4] WORKDIR /x/y
12: file copy, copy (11, 3) linux/amd64 — [stage-3 4/4] COPY --chown=1:2 a b /q/
ends in 12
`,
  );
  expect(fixture.asked).toEqual([
    '[internal] load build definition from Dockerfile: ["Dockerfile","Dockerfile.dockerignore","dockerfile"]',
    '[internal] load .dockerignore: [".dockerignore"]',
  ]);
  const [, , warning] = fixture.progress;
  expect(warning).toMatchObject({
    type: 'warning',
    short:
      "ConsistentInstructionCasing: Command 'user' should match the case of the command majority (uppercase) (line 21)",
    url: 'https://docs.docker.com/go/dockerfile/rule/consistent-instruction-casing/',
    ranges: [{ first: 21, last: 21 }],
  });
});

const asked = (name: string): Promise<string> => Bun.file(join(import.meta.dir, 'testing', name)).text();

test("a file of 300 lines with every instruction gives the configuration and the names of Docker's own builder", async () => {
  const created = '2026-01-02T03:04:05Z';
  const base = {
    architecture: 'amd64',
    config: { Cmd: ['sh'] },
    created,
    history: [{ created, comment: 'Imported from -' }],
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [] },
  };
  const dockerfile = await asked('every-instruction.dockerfile');
  using fixture = createFixture(
    { dockerfile: { Dockerfile: dockerfile }, context: {} },
    { 'docker.io/library/busybox:latest': base },
  );
  const { outputs } = await fixture.build({
    'build-arg:GIVEN': 'given',
    'build-arg:GIVEN_TOO': '2',
    'build-arg:FLAVOUR': 'vanilla',
    'label:by': 'hand',
  });
  const [output] = outputs;
  expect(JSON.parse(new TextDecoder().decode(output?.config))).toEqual(
    JSON.parse(await asked('every-instruction.config.txt')),
  );
  // Byte for byte, too: the order of fields is part of the image's name.
  const isSame = `${new TextDecoder().decode(output?.config)}\n` === (await asked('every-instruction.config.txt'));
  expect(isSame).toBe(true);
  const names = (await asked('every-instruction.names.txt')).trim().split('\n').sort();
  const vertices = verticesOf(output?.edge ? [output.edge] : []);
  const mine = vertices.map(({ name }) => name).filter((name) => !/^\[internal\]|\] LINK /.test(name));
  expect([...new Set(mine)].sort()).toEqual(names);
});

test('only a CMD marks its words as escaped', async () => {
  const configOf = async (line: string): Promise<unknown> => {
    using fixture = createFixture({ dockerfile: { Dockerfile: `FROM busybox\n${line}\n` }, context: {} }, busybox);
    const { outputs } = await fixture.build();
    return JSON.parse(new TextDecoder().decode(outputs[0]?.config)).config;
  };
  expect(await configOf('ENTRYPOINT ["/x"]')).toEqual({ Env: expect.any(Array), Entrypoint: ['/x'] });
  expect(await configOf('CMD ["/x"]')).toEqual({ Env: expect.any(Array), Cmd: ['/x'], ArgsEscaped: true });
});
