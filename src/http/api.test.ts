import { describe, expect, test } from 'bun:test';
import { openApi } from './testing/open-api.ts';

const filters = (value: object) => encodeURIComponent(JSON.stringify(value));

describe('versions and headers', () => {
  test('every answer says who answers', async () => {
    const { headers } = await openApi().ask('GET', '/v1.24/version');
    expect(headers).toMatchObject({
      'Api-Version': '1.51',
      'Docker-Experimental': 'false',
      Ostype: 'linux',
      Server: 'Estiba/0.0.1 (linux)',
    });
  });

  test('too new, too old, and no version at all', async () => {
    const { ask } = openApi();
    expect(await ask('GET', '/v1.99/info')).toMatchObject({
      status: 400,
      text: '{"message":"client version 1.99 is too new. Maximum supported API version is 1.51"}\n',
    });
    const old = await ask('GET', '/v1.20/_ping');
    expect(old.text).toBe(
      'client version 1.20 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version\n',
    );
    expect(old.headers['Content-Type']).toStartWith('text/plain');
    expect(await ask('GET', '/vfoo/info')).toMatchObject({ status: 404, text: '{"message":"page not found"}\n' });
    expect((await ask('GET', '/_ping')).text).toBe('OK');
  });

  test('what is no route is no page', async () => {
    const { ask } = openApi();
    for (const [method, target] of [
      ['GET', '/'],
      ['POST', '/info'],
      ['GET', '/info/'],
      ['HEAD', '/containers/json'],
      ['GET', '/images/'],
      ['GET', '/images/a/'],
      ['GET', '/%zz'],
      ['GET', '/system/nothing'],
    ] as const) {
      expect(`${method} ${target} ${(await ask(method, target)).status}`).toBe(`${method} ${target} 404`);
    }
    expect((await ask('OPTIONS', '/containers/json')).status).toBe(200);
  });

  test('info differs for old clients', async () => {
    const { ask } = openApi();
    const [now, then] = [await ask('GET', '/info'), await ask('GET', '/v1.24/info')];
    expect(JSON.parse(now.text)).toMatchObject({
      ServerVersion: '0.0.1',
      Driver: 'overlay2',
      CgroupVersion: '2',
      Swarm: { LocalNodeState: 'inactive' },
      SecurityOptions: ['name=seccomp,profile=builtin'],
      FirewallBackend: { Driver: 'nftables' },
      Images: 1,
      Warnings: null,
    });
    expect(JSON.parse(then.text).SecurityOptions).toEqual(['seccomp']);
    expect(JSON.parse(then.text).FirewallBackend).toBeUndefined();
  });

  test('images differ for old clients', async () => {
    const { ask } = openApi();
    const [row] = JSON.parse((await ask('GET', '/v1.40/images/json')).text);
    expect(row).toMatchObject({ Containers: -1, VirtualSize: 7, RepoDigests: null });
    const [newRow] = JSON.parse((await ask('GET', '/images/json')).text);
    expect(newRow).toMatchObject({ Containers: 0, RepoDigests: [] });
    const inspect = JSON.parse((await ask('GET', '/v1.40/images/busybox/json')).text);
    expect(inspect).toMatchObject({
      VirtualSize: 7,
      ContainerConfig: { Cmd: null },
      Config: { Cmd: ['sh'], Env: null },
    });
    expect(JSON.parse((await ask('GET', '/images/busybox/json')).text).ContainerConfig).toBeUndefined();
  });
});

describe('bodies', () => {
  test.each([
    ['', 'application/json', 'invalid JSON: got EOF while reading request body'],
    ['x', 'application/json', "invalid JSON: invalid character 'x' looking for beginning of value"],
    ['{}{}', 'application/json', 'unexpected content after JSON'],
    ['{}', 'application/json', 'config cannot be empty in order to create a container'],
    ['{"HostConfig":{}}', 'application/json', 'config cannot be empty in order to create a container'],
    ['{', 'application/json; charset=utf-8', 'invalid JSON: unexpected EOF'],
    ['{}', 'text/plain', "unsupported Content-Type header (text/plain): must be 'application/json'"],
    ['{}', ';;', 'malformed Content-Type header (;;): mime: no media type'],
    ['{}', '', 'malformed Content-Type header (): mime: no media type'],
    ['{}', 'application/', 'malformed Content-Type header (application/): mime: expected token after slash'],
  ])('create with %p as %p', async (body, contentType, message) => {
    const answer = await openApi().ask('POST', '/containers/create', {
      body,
      headers: { 'content-type': contentType },
    });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toEqual({ message });
  });

  test('a body without bound is refused', async () => {
    const body = `{"Image":"${'a'.repeat(4 * 1024 * 1024)}"}`;
    expect(await openApi().ask('POST', '/containers/create', { body })).toMatchObject({
      status: 400,
      text: '{"message":"http: request body too large"}\n',
    });
  });

  test('nested without end', async () => {
    const body = `{"a":${'['.repeat(300_000)}`;
    const { status, text } = await openApi().ask('POST', '/containers/create', { body });
    expect([status, text]).toEqual([400, '{"message":"invalid JSON: exceeded max depth"}\n']);
  });

  test('create hands on what it understood, as its version means it', async () => {
    const { ask, containers } = openApi();
    const body = JSON.stringify({ image: 'busybox', Cmd: 'sh', Junk: 1, HostConfig: { Annotations: { a: 'b' } } });
    const answer = await ask('POST', '/v1.39/containers/create?name=x&platform=linux/amd64', { body });
    expect(answer.status).toBe(201);
    expect(containers.calls).toEqual([
      [
        'create',
        'x',
        { Image: 'busybox', Cmd: ['sh'], HostConfig: { IpcMode: 'shareable', CgroupnsMode: 'host' } },
        'linux/amd64',
      ],
    ]);
  });

  test('exec needs a command, and volumes take no body at all', async () => {
    const { ask } = openApi();
    expect((await ask('POST', '/containers/a/exec')).text).toBe('{"message":"No exec command specified"}\n');
    expect((await ask('POST', '/containers/a/exec', { body: '{"Cmd":5}' })).text).toBe(
      '{"message":"invalid JSON: json: cannot unmarshal number into Go struct field ExecOptions.Cmd of type []string"}\n',
    );
    expect((await ask('POST', '/volumes/create')).status).toBe(201);
    expect((await ask('POST', '/volumes/create', { body: '{"Name":5}' })).text).toContain('field CreateOptions.Name');
  });

  test('start takes no body', async () => {
    const { ask, create } = openApi();
    await create({ Image: 'busybox' });
    expect((await ask('POST', '/containers/a/start', { body: '{"Binds":[]}' })).status).toBe(400);
    expect((await ask('POST', '/containers/a/start', { body: '{}' })).status).toBe(204);
  });
});

describe('parameters', () => {
  test.each([
    ['GET', '/containers/json?filters=x', 'invalid filter'],
    ['GET', '/containers/json?filters=%5B%5D', 'invalid filter'],
    ['GET', `/containers/json?filters=${filters({ x: ['y'] })}`, "invalid filter 'x'"],
    ['GET', `/containers/json?filters=${filters({ status: 'y' })}`, 'invalid filter'],
    ['GET', `/containers/json?filters=${filters({ status: { exited: 5 } })}`, 'invalid filter'],
    ['GET', '/containers/json?limit=x', 'strconv.Atoi: parsing "x": invalid syntax'],
    [
      'GET',
      '/containers/json?limit=99999999999999999999',
      'strconv.Atoi: parsing "99999999999999999999": value out of range',
    ],
    ['GET', '/containers/json?all=%zz', 'invalid URL escape "%zz"'],
    ['POST', '/containers/a/stop?t=x', 'strconv.Atoi: parsing "x": invalid syntax'],
    ['POST', '/containers/a/wait?condition=foo', 'invalid condition: "foo"'],
    ['POST', '/containers/a/rename', 'Neither old nor new names may be empty'],
    ['POST', '/containers/a/resize', 'invalid resize height "": invalid syntax'],
    ['POST', '/containers/a/resize?h=-1&w=1', 'invalid resize height "-1": value out of range'],
    ['POST', '/containers/a/resize?h=1&w=x', 'invalid resize width "x": invalid syntax'],
    ['GET', '/containers/a/logs', 'Bad parameters: you must choose at least one stream'],
    ['GET', '/containers/a/logs?stdout=1&since=foo', 'strconv.ParseInt: parsing "foo": invalid syntax'],
    ['GET', '/events?since=5&until=1', '`since` time (5) cannot be after `until` time (1)'],
    [
      'GET',
      '/networks/bridge?verbose=x',
      'invalid value for verbose: x: strconv.ParseBool: parsing "x": invalid syntax',
    ],
    ['POST', `/volumes/prune?filters=${filters({ x: ['y'] })}`, "invalid filter 'x'"],
  ])('%s %s', async (method, target, message) => {
    const answer = await openApi().ask(method, target);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([400, { message }]);
  });

  test('filters of both forms, and booleans of all', async () => {
    const { ask, containers } = openApi();
    await ask(
      'GET',
      `/containers/json?all=1&size=no&limit=3&filters=${filters({ status: { exited: true }, id: ['a'] })}`,
    );
    expect(containers.calls).toEqual([
      [
        'list',
        {
          all: true,
          size: false,
          limit: 3,
          filters: new Map([
            ['status', ['exited']],
            ['id', ['a']],
          ]),
        },
      ],
    ]);
  });

  test('logs', async () => {
    const { ask, create, containers } = openApi();
    await create({ Image: 'busybox' });
    const answer = await ask('GET', '/containers/a/logs?stdout=1&tail=5&since=1.5&until=0&timestamps=true');
    expect(answer.headers['Content-Type']).toBe('application/vnd.docker.multiplexed-stream');
    expect(containers.calls.at(-1)).toEqual([
      'logs',
      'a',
      {
        stdout: true,
        stderr: false,
        follow: false,
        timestamps: true,
        details: false,
        sinceNs: 1_500_000_000n,
        tail: 5,
      },
    ]);
    const old = await ask('GET', '/v1.41/containers/a/logs?stdout=1&tail=all');
    expect(old.headers['Content-Type']).toBe('application/vnd.docker.raw-stream');
    expect(containers.calls.at(-1)).toEqual([
      'logs',
      'a',
      { stdout: true, stderr: false, follow: false, timestamps: false, details: false },
    ]);
  });

  test('stop: the signal came with 1.42', async () => {
    const { ask, containers } = openApi();
    await ask('POST', '/containers/a/stop?t=-1&signal=INT');
    await ask('POST', '/v1.41/containers/a/stop?signal=INT');
    expect(containers.calls).toEqual([
      ['stop', 'a', { signal: 'INT', timeoutSeconds: -1 }],
      ['stop', 'a', {}],
    ]);
  });

  test('names with slashes and escapes', async () => {
    const { ask } = openApi();
    expect((await ask('GET', '/images/a/b%3Ac/json')).text).toBe('{"message":"No such image: a/b:c:latest"}\n');
    expect((await ask('GET', '/containers/a/b/json')).text).toBe('{"message":"No such container: a/b"}\n');
  });
});
