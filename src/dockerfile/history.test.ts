import { expect, test } from 'bun:test';
import { evaluatePlan, historyOf, parseDockerfile, planBuild, runCommandOf } from './index.ts';

const platform = { os: 'linux', architecture: 'amd64' };

/** The history of a Dockerfile's last stage. */
function historyOn(source: string): unknown[] {
  const plan = planBuild(parseDockerfile(source), { platform, buildPlatform: platform });
  const stage = evaluatePlan(plan, false, { platform, buildPlatform: platform }).get(plan.target);
  return (stage?.steps ?? []).map((step) => {
    const line = stage && historyOf(stage, step);
    return line && (line.isEmptyLayer ? line.createdBy : [line.createdBy]);
  });
}

/** Instructions, and BuildKit's line for each; in a list when it makes a layer. */
const table: readonly [string, unknown][] = [
  ['ARG A=1 B', 'ARG A=1 B'],
  ['ENV x=1 y="a b"', 'ENV x=1 y=a b'],
  ['LABEL k=v "l m"=n', 'LABEL k=v l m=n'],
  ['RUN echo "$x" $A', ['RUN |2 A=1 B= /bin/sh -c echo "$x" $A # buildkit']],
  ['RUN ["echo","a b"]', ['RUN |2 A=1 B= echo a b # buildkit']],
  ['RUN <<E\necho hi\necho ho\nE', ['RUN |2 A=1 B= /bin/sh -c echo hi\necho ho\n # buildkit']],
  ['RUN <<-E\n\techo a\n\tE', ['RUN |2 A=1 B= /bin/sh -c echo a\n # buildkit']],
  ['RUN <<E\n#!/bin/sh\nE', ['RUN |2 A=1 B= /bin/sh -c /dev/pipes/E # buildkit']],
  [
    "RUN <<'E' cat; cat <<-F\none\nE\n\ttwo\n\tF",
    ["RUN |2 A=1 B= /bin/sh -c <<'E' cat; cat <<-F\none\nE\n\ttwo\nF # buildkit"],
  ],
  ['ARG A=2 A=3', 'ARG A=2 A=3'],
  ['RUN ["x"]', ['RUN |2 A=3 B= x # buildkit']],
  ['COPY --chown=1:2 a /z/', ['COPY --chown=1:2 a /z/ # buildkit']],
  ['COPY --link --exclude=q --chmod=0600 --from=busybox /b <<Q /o/\nQ', ['COPY --chmod=0600 /b <<Q /o/ # buildkit']],
  ['ADD --chmod=600 a   $x/', ['ADD --chmod=600 a 1/ # buildkit']],
  ['WORKDIR w', ['WORKDIR /w']],
  ['WORKDIR /', 'WORKDIR /'],
  ['USER u', 'USER u'],
  ['EXPOSE 80 90-91/udp', 'EXPOSE [80/tcp 90/udp 91/udp]'],
  ['VOLUME /v /x', 'VOLUME [/v /x]'],
  ['STOPSIGNAL 9', 'STOPSIGNAL 9'],
  ['CMD a b', 'CMD ["/bin/sh" "-c" "a b"]'],
  ['SHELL ["/bin/x","-c"]', 'SHELL [/bin/x -c]'],
  ['CMD a b', 'CMD ["/bin/x" "-c" "a b"]'],
  ['CMD ["a\\tb","é"]', 'CMD ["a\\tb" "é"]'],
  ['ENTRYPOINT []', 'ENTRYPOINT []'],
  ['HEALTHCHECK --interval=1s CMD a', 'HEALTHCHECK &{["CMD-SHELL" "a"] "1s" "0s" "0s" "0s" \'\\x00\'}'],
  [
    'HEALTHCHECK --retries=33 --timeout=90s CMD ["b\\"c"]',
    'HEALTHCHECK &{["CMD" "b\\"c"] "0s" "1m30s" "0s" "0s" \'!\'}',
  ],
  ['MAINTAINER me', 'MAINTAINER me'],
  ['ONBUILD RUN x', undefined],
];

test('the history says of each step what it says with BuildKit', () => {
  const found = historyOn(`FROM base\n${table.map(([source]) => source).join('\n')}\n`);
  expect(found).toEqual(table.map(([, wanted]) => wanted));
});

test('a script in a here-document is put where it can be run', () => {
  const [run] =
    parseDockerfile("FROM base\nRUN <<-'MAKE'\n\t#!/usr/bin/env python3\n\tprint(1)\nMAKE\n").stages[0]?.instructions ??
    [];
  expect(run?.type === 'RUN' && runCommandOf(run, {})).toEqual({
    words: ['/bin/sh', '-c', '/dev/pipes/MAKE'],
    script: { path: '/dev/pipes/MAKE', content: '#!/usr/bin/env python3\nprint(1)\n' },
  });
});
