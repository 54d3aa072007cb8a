import { startRegistry, startScriptedRegistry } from '../../harness/index.ts';

/** The registries of `registryLists`, each `HOST:PORT`. */
export interface Registries extends AsyncDisposable {
  /** Takes and gives. */
  readonly open: string;
  /** Lets in jane and john, whose password is `right`; has an index to be searched. */
  readonly locked: string;
}

const found = [
  { name: 'team/large', description: 'A description that is longer than a table would have it be', star_count: 12 },
  { name: 'small', description: 'Two\nlines', star_count: 3, is_official: true },
].map((row) => ({ is_official: false, is_automated: false, ...row }));
const unauthorized = { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="tests"' } };

/** Starts the registries. */
export async function startRegistries(): Promise<Registries> {
  const open = await startRegistry();
  const locked = await startScriptedRegistry({
    script({ path, headers }) {
      if (path === '/v1/search') return { body: JSON.stringify({ num_results: found.length, results: found }) };
      if (path === '/v1/_ping') return { body: 'true' };
      const given = headers.get('authorization');
      return [`Basic ${btoa('jane:right')}`, `Basic ${btoa('john:right')}`].includes(given ?? '')
        ? undefined
        : unauthorized;
    },
  });
  return {
    open: open.host,
    locked: locked.host,
    async [Symbol.asyncDispose]() {
      await open[Symbol.asyncDispose]();
      await locked[Symbol.asyncDispose]();
    },
  };
}

/** Nobody listens there. */
const nowhere = '127.0.0.1:1';
const missingDigest = `sha256:${'0'.repeat(64)}`;

function pullLines({ open }: Registries): string[] {
  const app = `${open}/@@/app`;
  return [
    // A layer for each, or the second to push it would find it there.
    `0 mkdir reg && echo @@ > reg/file && tar -cf reg.tar -C reg . && docker import reg.tar ${app}:1`,
    `1 docker pull ${app}:1`,
    `1 docker pull ${app}`,
    `0 docker push ${app}:1`,
    `0 docker push ${app}:1`,
    `0 docker push -q ${app}:1`,
    `0 docker tag ${app}:1 ${app}:2 && docker push -a ${app}`,
    `0 docker tag ${app}:1 ${open}/@@/other && docker push ${open}/@@/other`,
    `1 docker push -a ${app}:1`,
    `1 docker push ${app}:none`,
    `1 docker push -q ${app}:none`,
    `1 docker push ${app}@${missingDigest}`,
    `1 docker push --platform linux/arm/v7 ${app}:1`,
    `1 docker push --platform a/b/c/d ${app}:1`,
    `0 docker pull ${app}:1`,
    `0 docker rmi ${app}:1 ${app}:2 ${open}/@@/other`,
    `0 docker pull ${app}:1`,
    `0 docker pull -q ${app}:1`,
    `0 docker pull -a ${app}`,
    `0 docker pull -aq ${app}`,
    `1 docker pull -a ${app}:1`,
    `1 docker pull ${app}:none`,
    `1 docker pull -q ${app}:none`,
    `1 docker pull ${app}@${missingDigest}`,
    `0 docker pull --platform linux/s390x ${app}:1`,
    `1 docker pull --platform a/b/c/d ${app}:1`,
    `125 docker run --rm ${app}:none true`,
    `125 docker run --rm --pull never ${app}:none true`,
    `125 docker run --rm --pull sometimes ${app}:1 true`,
    `1 docker create ${app}:none`,
    `0 docker images --digests ${app}`,
    `0 docker rmi ${app}:1 ${app}:2`,
  ];
}

function loginLines({ locked }: Registries): string[] {
  return [
    `1 docker pull ${locked}/@@/app`,
    `0 docker tag busybox ${locked}/@@/app && docker images ${locked}/@@/app --format "{{.Tag}}"`,
    `1 docker push ${locked}/@@/app`,
    `1 docker login ${locked}`,
    `1 docker login -u jane ${locked}`,
    `1 echo right | docker login --password-stdin ${locked}`,
    `1 docker login -u jane -p right --password-stdin ${locked}`,
    `1 docker login -u jane -p wrong ${locked}`,
    `1 echo wrong | docker login -u jane --password-stdin ${locked}`,
    `1 printf "" | docker login -u jane --password-stdin ${locked}`,
    `0 echo right | docker login -u jane --password-stdin ${locked}`,
    '0 cat "$DOCKER_CONFIG/config.json"',
    `0 docker login ${locked}`,
    `0 docker login -u jane -p right https://${locked}/v2/`,
    `1 docker pull ${locked}/@@/none`,
    `0 echo right | docker login -u john --password-stdin ${locked}`,
    `1 docker login -u "" -p right ${locked}`,
    `1 docker login -u jane -p "" ${locked}`,
    `1 docker login -u jane -p right ${nowhere}`,
    `0 docker logout ${locked}`,
    `0 docker logout https://${locked}/v2/`,
    `0 docker logout ${locked}`,
    '0 cat "$DOCKER_CONFIG/config.json"',
    `1 docker login ${locked} ${locked}`,
    `1 docker logout ${locked} ${locked}`,
    `125 docker login --nosuch ${locked}`,
    `0 docker rmi ${locked}/@@/app`,
  ];
}

function searchLines({ locked }: Registries): string[] {
  return [
    `0 docker search ${locked}/term`,
    `0 docker search --no-trunc ${locked}/term`,
    `0 docker search --format json ${locked}/term`,
    `0 docker search --format "{{.Name}} {{.StarCount}} {{.IsOfficial}}" ${locked}/term`,
    `0 docker search --format "table {{.Name}}\\t{{.Description}}" ${locked}/term`,
    `0 docker search --filter stars=5 ${locked}/term`,
    `0 docker search --filter is-official=true ${locked}/term`,
    `1 docker search --filter is-official=maybe ${locked}/term`,
    `1 docker search --filter stars=many ${locked}/term`,
    `1 docker search --filter nosuch=1 ${locked}/term`,
    `0 docker search --limit 1 ${locked}/term`,
    `1 docker search --limit 101 ${locked}/term`,
    `125 docker search --limit few ${locked}/term`,
    `1 docker search --format "{{.Nosuch}}" ${locked}/term`,
    `1 docker search --format "{{.IsAutomated}}" ${locked}/term`,
    `1 docker search --format "{{.Name" ${locked}/term`,
    `1 docker search ${nowhere}/term`,
    '1 docker search',
    '1 docker search a b',
    `1 docker pull ${nowhere}/x`,
    `1 docker pull -q ${nowhere}/x`,
    `1 docker push ${nowhere}/none`,
    '1 docker pull',
    '1 docker pull UPPER',
    '1 docker pull a b',
    '1 docker pull :',
    '1 docker push',
    '1 docker push UPPER',
    '1 docker push a b',
    '0 docker tag busybox 127.0.0.1:1/@@ && docker images 127.0.0.1:1/@@ --format "{{.Tag}}"',
    `1 docker push ${nowhere}/@@`,
    `0 docker rmi ${nowhere}/@@`,
  ];
}

/** Lines in their order, as in scenarios.ts, that have registries to do with. */
export function registryLists(registries: Registries): readonly (readonly string[])[] {
  return [pullLines(registries), loginLines(registries), searchLines(registries)];
}
