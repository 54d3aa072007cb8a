import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { ContainerInspect, ContainerSummary, EventMessage } from '#api';
import { startEngine, type TestEngine } from '../harness/index.ts';

let engine: TestEngine;
let web: ContainerInspect;
const facts: Record<string, string> = {};

async function create(name: string, request: object): Promise<void> {
  const answer = await engine.request('POST', `/containers/create?name=${name}`, {
    Image: 'busybox:latest',
    ...request,
  });
  if (!answer.ok) throw new Error(await answer.text());
}

const encoded = (filters: object): string => encodeURIComponent(JSON.stringify(filters));

beforeAll(async () => {
  engine = await startEngine();
  await create('web', {
    Cmd: ['sleep', '600'],
    Labels: { tier: 'front', empty: '' },
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
  });
  await create('data', {
    Cmd: ['true'],
    Labels: { tier: 'back' },
    HostConfig: { Binds: ['kept:/data', '/tmp:/host'] },
  });
  await create('failed', { Cmd: ['sh', '-c', 'exit 3'], HostConfig: { NetworkMode: 'none' } });
  await create('frozen', { Cmd: ['sleep', '600'], ExposedPorts: { '8000/tcp': {} } });
  for (const name of ['web', 'failed', 'frozen']) await engine.request('POST', `/containers/${name}/start`);
  await engine.request('POST', '/containers/failed/wait');
  await engine.request('POST', '/containers/frozen/pause');
  web = await engine.get('/containers/web/json');
  facts.id = web.Id;
  facts.port = web.NetworkSettings.Ports['80/tcp']?.[0]?.HostPort ?? '';
  facts.network = web.NetworkSettings.Networks.bridge?.NetworkID ?? '';
  facts.image = web.Image;
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** Words like `$port` stand for what this engine gave. */
function filled(filters: object): string {
  return encoded(JSON.parse(JSON.stringify(filters).replace(/\$(\w+)/g, (_, name: string) => facts[name] ?? '')));
}

const everyone = ['frozen', 'failed', 'data', 'web'];

const accepted: readonly (readonly [filters: object, names: readonly string[], isOfRunning?: true])[] = [
  [{ id: ['$id'] }, ['web']],
  [{ id: [''] }, []],
  [{ name: ['web'] }, ['web']],
  [{ name: ['^/web$'] }, ['web']],
  [{ name: ['a'] }, ['failed', 'data']],
  [{ name: ['(?i)WEB'] }, ['web']],
  [{ name: ['['] }, []],
  [{ label: ['tier'] }, ['data', 'web']],
  [{ label: ['tier=front', 'empty='] }, ['web']],
  [{ status: ['created', 'exited'] }, ['failed', 'data'], true],
  [{ status: ['paused'] }, ['frozen'], true],
  [{ exited: ['3'] }, ['failed']],
  [{ exited: ['3'] }, [], true],
  [{ ancestor: ['busybox'] }, everyone],
  [{ ancestor: ['$image'] }, everyone],
  [{ ancestor: ['Bad//Reference'] }, []],
  [{ before: ['failed'] }, ['data', 'web']],
  [{ before: ['failed'] }, ['web'], true],
  [{ since: ['data'], before: ['frozen'] }, ['failed']],
  [{ volume: ['kept'] }, ['data']],
  [{ volume: ['/host'] }, ['data']],
  [{ volume: ['/tmp'] }, ['data']],
  [{ network: ['none'] }, ['failed']],
  [{ network: ['$network'] }, ['frozen', 'web']],
  [{ publish: ['$port'] }, ['web']],
  [{ publish: ['1-65535/udp'] }, []],
  [{ expose: ['80'] }, ['web']],
  [{ expose: ['53/udp', '7000-9000'] }, ['frozen', 'web']],
  [{ health: ['none'] }, everyone],
  [{ health: ['healthy'] }, []],
  [{ isolation: ['default'] }, everyone],
  [{ 'is-task': ['false'] }, everyone],
  [{ 'is-task': ['true'] }, []],
  [{ name: { web: true } }, ['web']],
];

const refused: readonly (readonly [filters: object, status: number, message: string])[] = [
  [{ colour: ['red'] }, 400, "invalid filter 'colour'"],
  [{ exited: ['x'] }, 400, `invalid filter 'exited=x': strconv.Atoi: parsing "x": invalid syntax`],
  [
    { health: ['well'] },
    400,
    "invalid filter 'health=well': invalid value for health (well): must be one of none, starting, healthy, unhealthy",
  ],
  [{ 'is-task': ['true', 'false'] }, 400, "invalid filter 'is-task=[true false]'"],
  [{ publish: ['9-1'] }, 400, 'error while looking up for publish 9-1: Invalid range specified for the Port: 9-1'],
  [
    { expose: ['70000'] },
    400,
    'error while looking up for expose 70000: strconv.ParseUint: parsing "70000": value out of range',
  ],
  [{ before: ['nobody'] }, 404, 'No such container: nobody'],
  [{ name: 'web' }, 400, 'invalid filter'],
];

describe('filters of the container list', () => {
  test('who passes', async () => {
    const found = await Promise.all(
      accepted.map(async ([filters, , isOfRunning]) => {
        const rows = await engine.get<ContainerSummary[]>(
          `/containers/json?all=${isOfRunning ? 0 : 1}&filters=${filled(filters)}`,
        );
        return [filters, rows.map(({ Names }) => Names[0]?.slice(1))];
      }),
    );
    expect(found).toEqual(accepted.map(([filters, names]) => [filters, [...names]]));
  });

  test('what is refused', async () => {
    for (const [filters, status, message] of refused) {
      const answer = await engine.request('GET', `/containers/json?filters=${encoded(filters)}`);
      expect([filters, answer.status, await answer.json()]).toEqual([filters, status, { message }]);
    }
  });

  test('a limit is of all containers, the latest first', async () => {
    const rows = await engine.get<ContainerSummary[]>('/containers/json?limit=2');
    expect(rows.map(({ Names }) => Names[0])).toEqual(['/frozen', '/failed']);
  });
});

/** `type action` of past events that pass the filters. */
async function past(filters: object): Promise<string[]> {
  const response = await engine.request(
    'GET',
    `/events?since=1&until=${(Date.now() + 2) / 1000}&filters=${filled(filters)}`,
  );
  const lines = (await response.text()).trim().split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const { Type, Action } = JSON.parse(line) as EventMessage;
      return `${Type} ${Action}`;
    });
}

describe('events', () => {
  test('the whole story of a container, with what Docker tells of each step', async () => {
    const story = ['container create', 'container start', 'container die'];
    expect(await past({ container: ['failed'], type: ['container'] })).toEqual(story);
    expect(await past({ container: ['fail'], type: ['container'] })).toEqual(story);
    expect(await past({ label: ['tier=front', 'empty'] })).toEqual(['container create', 'container start']);
    expect(await past({ image: ['busybox'], event: ['pause'] })).toEqual(['container pause']);
    expect(await past({ type: ['volume'] })).toContain('volume create');
    expect(await past({ network: ['none'] })).toEqual(['network connect', 'network disconnect']);
    expect(await past({ scope: ['swarm'] })).toEqual([]);
    expect(await past({ colour: ['red'], container: ['failed'], event: ['die'] })).toEqual(['container die']);
  });

  test('names and attributes', async () => {
    await engine.dockerOk('exec', 'web', 'true');
    await engine.dockerOk('top', 'web');
    await engine.dockerOk('container', 'prune', '-f', '--filter', 'label=nobody');
    const response = await engine.request('GET', `/events?since=1&until=${Date.now() / 1000 + 1}`);
    const events = (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as EventMessage);
    const one = (action: string): EventMessage | undefined => events.find(({ Action }) => Action === action);
    const labels = { tier: 'front', empty: '', image: 'busybox:latest', name: 'web' };
    expect(one('exec_create: true ')?.Actor).toEqual({
      ID: web.Id,
      Attributes: { ...labels, execID: expect.any(String) },
    });
    expect(one('top')?.Actor.ID).toBe(web.Id);
    expect(one('exec_die')?.Actor.Attributes).toMatchObject({ exitCode: '0' });
    expect(one('die')?.Actor.Attributes).toEqual({
      image: 'busybox:latest',
      name: 'failed',
      exitCode: '3',
      execDuration: expect.any(String),
    });
    expect(one('connect')?.Actor.Attributes).toMatchObject({
      name: 'bridge',
      type: 'bridge',
      container: expect.any(String),
    });
    expect(one('prune')).toMatchObject({
      Type: 'container',
      status: 'prune',
      Actor: { ID: '', Attributes: { reclaimed: '0' } },
    });
    expect(one('prune')).not.toHaveProperty('id');
    expect(one('start')).toMatchObject({ status: 'start', id: web.Id, from: 'busybox:latest', scope: 'local' });
    for (const { time, timeNano } of events) expect(Math.floor(timeNano / 1e9)).toBe(time);
  });

  test('they outlive the engine, and go on after it', async () => {
    const before = await past({});
    await engine.kill();
    await engine.start();
    expect((await past({})).slice(0, before.length)).toEqual(before);
    const live = await engine.request('GET', `/events?filters=${encoded({ event: ['rename'] })}`);
    await engine.dockerOk('rename', 'data', 'moved');
    const reader = live.body?.getReader();
    const told = JSON.parse(new TextDecoder().decode((await reader?.read())?.value)) as EventMessage;
    expect(told.Actor.Attributes).toMatchObject({ oldName: '/data', name: 'moved' });
    expect((await engine.get<{ NEventsListener: number }>('/info')).NEventsListener).toBe(1);
    await reader?.cancel();
    await engine.kill();
    await engine.start();
    expect(await past({ container: ['moved'] })).toEqual(['container rename']);
  });
});
