import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { startEngine, type TestEngine } from '../harness/index.ts';
import { refusal } from './calls.ts';
import { readTar } from './tar.ts';

setDefaultTimeout(60_000);

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  await engine.dockerOk('run', '-d', '--name', 'box', '-v', 'kept:/vol', 'busybox', 'sleep', '3600');
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

test('docker diff: what was added, changed and deleted, and nothing that the engine makes', async () => {
  await engine.dockerOk('run', '--name', 'untouched', 'busybox', 'true');
  expect(await (await engine.request('GET', '/containers/untouched/changes')).text()).toBe('null\n');
  const script = `mkdir -p /new/dir; echo x > /new/dir/f; rm /bin/ls; touch /etc/passwd; echo y >> /etc/group
    rm -rf /root; mkdir /root; echo z > /root/z; chmod 700 /tmp; rm -rf /bin/vi; mkdir /bin/vi; rmdir /bin/vi`;
  await engine.dockerOk('run', '--name', 'touched', 'busybox', 'sh', '-c', script);
  expect((await engine.dockerOk('diff', 'touched')).split('\n')).toEqual([
    ...['C /bin', 'D /bin/ls', 'D /bin/vi', 'C /etc', 'C /etc/group', 'C /etc/passwd'],
    ...['A /new', 'A /new/dir', 'A /new/dir/f', 'C /root', 'A /root/z', 'C /tmp'],
  ]);
  expect((await engine.request('GET', '/containers/nobody/changes')).status).toBe(404);
});

test('docker commit: an image of the changes, its configuration, history and names', async () => {
  const flags = ['-a', 'Ann <a@x>', '-m', 'changed', '-c', 'ENV COLOUR=red', '-c', 'CMD ["cat", "/new/dir/f"]'];
  const id = await engine.dockerOk('commit', ...flags, 'touched', 'made:1');
  expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
  const format = '{{.Id}} {{.Author}} {{.Comment}} {{json .Config.Env}} {{json .Config.Cmd}} {{len .RootFS.Layers}}';
  expect(await engine.dockerOk('image', 'inspect', '-f', format, 'made:1')).toBe(
    `${id} Ann <a@x> changed ["COLOUR=red"] ["cat","/new/dir/f"] 2`,
  );
  const base = await engine.dockerOk('image', 'inspect', '-f', '{{.Id}}', 'busybox');
  expect(await engine.dockerOk('image', 'inspect', '-f', '{{.Parent}}', 'made:1')).toBe(base);
  const history = await engine.get<{ Id: string; CreatedBy: string; Comment: string }[]>('/images/made:1/history');
  expect(history.map(({ Id }) => Id)).toEqual([id, base]);
  expect(history[0]).toMatchObject({ Comment: 'changed', CreatedBy: expect.stringContaining('mkdir -p /new/dir') });
  expect(await engine.dockerOk('run', '--rm', 'made:1')).toBe('x');
  const look = 'ls /bin/ls /bin/vi /etc/mtab 2>/dev/null; ls /root; stat -c %a /tmp; echo $COLOUR';
  expect(await engine.dockerOk('run', '--rm', 'made:1', 'sh', '-c', look.replace('ls /root', 'echo /root/*'))).toBe(
    '/root/z\n700\nred',
  );
  const empty = await engine.dockerOk('commit', 'untouched', 'made:2');
  expect(await engine.dockerOk('image', 'inspect', '-f', '{{len .RootFS.Layers}}', empty)).toBe('1');
  const body = { Cmd: ['echo', 'other'], Env: ['Q=1'] };
  const response = await engine.request('POST', '/commit?container=box&repo=made&tag=3&pause=1', body);
  expect(response.status).toBe(201);
  expect(await engine.dockerOk('run', '--rm', 'made:3')).toBe('other');
  const events = await engine.request('GET', `/events?since=0&until=${(Date.now() / 1000 + 0.01).toFixed(3)}`);
  const actions = (await events.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { Action: string; Actor: { ID: string; Attributes: { name?: string } } })
    .filter(({ Actor }) => Actor.Attributes.name === 'box')
    .map(({ Action }) => Action);
  expect(actions.slice(-3)).toEqual(['pause', 'commit', 'unpause']);
  const said = async (query: string) => refusal(await engine.request('POST', `/commit?${query}`));
  expect(await said('container=nobody')).toBe('404 No such container: nobody');
  expect(await said('container=box&repo=BAD')).toContain('400 invalid reference format');
  expect(await said('container=box&changes=FROM%20x')).toBe('400 FROM is not a valid change command');
  await engine.dockerOk('rmi', 'made:1', 'made:2', 'made:3');
});

test('docker export: the whole file system of a container, running or not, without its mounts', async () => {
  for (const name of ['box', 'touched']) {
    const response = await engine.request('GET', `/containers/${name}/export`);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    const parts: Buffer[] = [];
    for await (const chunk of response.body ?? []) {
      if (parts.reduce((sum, part) => sum + part.length, 0) < 8_000_000) parts.push(Buffer.from(chunk));
    }
    const paths = name === 'touched' ? (await readTar(Buffer.concat(parts))).map(({ path }) => path) : ['bin/', 'vol/'];
    expect(paths).toContain('bin/');
    if (name === 'touched') expect(paths).toContain('new/dir/f');
    expect(paths).not.toContain('vol/v');
  }
});
