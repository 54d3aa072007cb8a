import { expect, test } from 'bun:test';
import { printGraph } from '../graph/print.ts';
import { createFixture } from './testing.ts';

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
4: file copy, copy (3) linux/amd64 — [base 4/4] COPY --link a b /dst/
5: merge (2, 4) linux/amd64 — [base 4/4] LINK COPY --link a b /dst/
6: exec ["/bin/sh","-c","echo one\\necho two\\n"] (5) linux/amd64 — [second 1/3] RUN <<EOF (echo one...)
7: file make-file linux/amd64 — [internal] preparing inline document
8: file make-file linux/amd64 — [internal] preparing inline document
9: file copy, copy (6, 7, 8) linux/amd64 — [second 2/3] COPY <<f1 <<f2 /inline/
10: file copy (9, 5) linux/amd64 — [second 3/3] COPY --from=base /w /w2
11: file copy (0, 10) linux/amd64 — [stage-3 2/4] COPY --from=second /inline /inline
12: file make-directory (11) linux/amd64 — [stage-3 3/4] WORKDIR /x/y
13: file copy, copy (12, 3) linux/amd64 — [stage-3 4/4] COPY --chown=1:2 a b /q/
ends in 13
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
