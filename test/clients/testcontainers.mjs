/**
 * testcontainers and its module for Redis. DOCKER_HOST names the engine, which has `busybox:latest`, and
 * `redis:test` where the argument says so. No reaper: its image would come from a registry.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { RedisContainer } from '@testcontainers/redis';
import Docker from 'dockerode';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import { all, runSteps, step, until } from './steps.mjs';

const busybox = 'busybox:latest';
const redis = 'redis:test';
// As the official image has it: it is asked through a published port.
const server = ['redis-server', '--protected-mode', 'no'];
const scratch = mkdtempSync(join(tmpdir(), 'testcontainers-'));
// Containers whose user is nobody look into it.
chmodSync(scratch, 0o755);
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const httpd = ['busybox', 'httpd', '-f', '-p', '8080', '-h', '/www'];
const page = [{ content: '<p>served</p>', target: '/www/index.html' }];

/** A web server on port 8080 that has one page. */
function webServer() {
  return new GenericContainer(busybox).withCommand(httpd).withExposedPorts(8080).withCopyContentToContainer(page);
}

const sleeper = () => new GenericContainer(busybox).withCommand(['sleep', '600']);
const served = async (started, path = '') => {
  const answer = await fetch(`http://${started.getHost()}:${started.getMappedPort(8080)}/${path}`);
  return { status: answer.status, text: await answer.text() };
};

async function text(stream) {
  return (await all(stream)).toString();
}

/** One request of the protocol of Redis, and its answer as it comes. */
function ask(port, host, request) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => socket.write(request));
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(bytes.toString());
    });
    socket.once('error', reject);
  });
}

step('the engine is found, and known', async () => {
  const client = await getContainerRuntimeClient();
  assert.equal(client.info.containerRuntime.operatingSystemType, 'linux');
});

step('a web server: wait for its port, ask it, stop it', async () => {
  const started = await webServer().start();
  assert.deepEqual(await served(started), { status: 200, text: '<p>served</p>' });
  assert.equal(started.getFirstMappedPort(), started.getMappedPort(8080));
  await started.stop();
  await assert.rejects(new Docker().getContainer(started.getId()).inspect(), { statusCode: 404 });
});

step('wait for an answer over HTTP', async () => {
  const strategy = Wait.forHttp('/index.html', 8080)
    .forStatusCode(200)
    .forResponsePredicate((body) => body.includes('served'));
  const started = await webServer().withWaitStrategy(strategy).start();
  assert.equal((await served(started, 'missing')).status, 404);
  await started.stop();
});

step('wait for lines of a log', async () => {
  const started = await new GenericContainer(busybox)
    .withCommand(['sh', '-c', 'echo ready 1; echo ready 2 >&2; sleep 600'])
    .withWaitStrategy(Wait.forLogMessage(/ready \d/, 2))
    .start();
  await started.stop();
});

step('wait for a health check, a command, and the end of a program', async () => {
  const checked = await webServer()
    .withHealthCheck({ test: ['CMD-SHELL', 'wget -q -O- localhost:8080'], interval: 200, timeout: 5000, retries: 50 })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  await checked.stop();
  const asked = await sleeper().withWaitStrategy(Wait.forSuccessfulCommand('test -d /proc/1')).start();
  await asked.stop();
  const once = await new GenericContainer(busybox)
    .withCommand(['true'])
    .withWaitStrategy(Wait.forOneShotStartup())
    .start();
  await once.stop();
});

step('what ends with an error is told of', async () => {
  const failing = new GenericContainer(busybox)
    .withCommand(['sh', '-c', 'exit 3'])
    .withWaitStrategy(Wait.forOneShotStartup())
    .withLabels({ 'estiba.test': 'failing' });
  await assert.rejects(failing.start(), /Container failed to start/);
  const unhealthy = sleeper()
    .withHealthCheck({ test: ['CMD', 'false'], interval: 100, timeout: 5000, retries: 1 })
    .withWaitStrategy(Wait.forHealthCheck())
    .withLabels({ 'estiba.test': 'failing' });
  await assert.rejects(unhealthy.start(), /unhealthy/);
  await assert.rejects(sleeper().withCommand(['/missing']).withLabels({ 'estiba.test': 'failing' }).start(), {
    statusCode: 400,
  });
  const docker = new Docker();
  const left = await docker.listContainers({ all: true, filters: { label: ['estiba.test=failing'] } });
  for (const { Id } of left) await docker.getContainer(Id).remove({ force: true });
});

step('files, folders, content and archives go in before the start', async () => {
  const folder = join(scratch, 'folder');
  mkdirSync(folder);
  writeFileSync(join(folder, 'inner'), 'of a folder');
  writeFileSync(join(scratch, 'file'), 'of a file');
  const tar = spawnSync('tar', ['-C', folder, '-c', 'inner']).stdout;
  const started = await new GenericContainer(busybox)
    .withCommand(['sh', '-c', 'cat /a/file /b/inner /c /d/inner; stat -c %a /c; echo all; sleep 600'])
    .withCopyFilesToContainer([{ source: join(scratch, 'file'), target: '/a/file' }])
    .withCopyDirectoriesToContainer([{ source: folder, target: '/b' }])
    .withCopyContentToContainer([{ content: 'content', target: '/c', mode: 0o640 }])
    .withCopyContentToContainer([{ content: '', target: '/d/.keep' }])
    .withCopyArchivesToContainer([{ tar: Readable.from([tar]), target: '/d' }])
    .withWaitStrategy(Wait.forLogMessage('all'))
    .start();
  const { output } = await started.exec(['sh', '-c', 'cat /a/file /b/inner /c /d/inner; stat -c %a /c']);
  assert.equal(output, 'of a fileof a foldercontentof a folder640\n');
  await started.stop();
});

step('and while it runs, and out again', async () => {
  const started = await sleeper().start();
  await started.copyContentToContainer([{ content: 'late', target: '/tmp/late', mode: 0o755 }]);
  await started.copyFilesToContainer([{ source: join(scratch, 'file'), target: '/tmp/file' }]);
  await started.copyDirectoriesToContainer([{ source: join(scratch, 'folder'), target: '/tmp/folder' }]);
  const tar = spawnSync('tar', ['-C', scratch, '-c', 'file']).stdout;
  await started.copyArchiveToContainer(Readable.from([tar]), '/root');
  const seen = await started.exec('cat /tmp/late /tmp/file /tmp/folder/inner /root/file');
  assert.equal(seen.output, 'lateof a fileof a folderof a file');
  const archive = await all(await started.copyArchiveFromContainer('/tmp/late'));
  assert.equal(spawnSync('tar', ['-xO'], { input: archive }).stdout.toString(), 'late');
  await started.stop();
});

step('commands in it: output, exit code, folder, user and environment', async () => {
  const started = await sleeper().withEnvironment({ GIVEN: 'at start' }).start();
  const script = 'echo $GIVEN, $MORE, $PWD; id -u >&2; exit 2';
  const options = { env: { MORE: 'now' }, workingDir: '/tmp', user: '65534' };
  const ran = await started.exec(['sh', '-c', script], options);
  assert.equal(ran.stdout, 'at start, now, /tmp\n');
  assert.equal(ran.stderr, '65534\n');
  assert.equal(ran.exitCode, 2);
  await started.stop();
});

step('logs, as they come and once more', async () => {
  const lines = [];
  const started = await new GenericContainer(busybox)
    .withCommand(['sh', '-c', 'echo first; while [ ! -e /go ]; do sleep 0.05; done; echo last'])
    .withLogConsumer((stream) => stream.on('data', (line) => lines.push(line.trim())))
    .withWaitStrategy(Wait.forLogMessage('first'))
    .start();
  await started.exec(['touch', '/go']);
  await until('both lines', () => lines.join(' ') === 'first last');
  assert.equal(await text(await started.logs()), 'first\nlast\n');
  await started.stop();
});

step('the default bridge: names, addresses, and one container that asks another', async () => {
  const server = await webServer().start();
  assert.deepEqual(server.getNetworkNames(), ['bridge']);
  const address = server.getIpAddress('bridge');
  const client = await sleeper().start();
  const { output } = await client.exec(['wget', '-q', '-O-', `http://${address}:8080/`]);
  assert.equal(output, '<p>served</p>');
  await Promise.all([client.stop(), server.stop()]);
});

step('options of a container', async () => {
  const started = await sleeper()
    .withName(`testcontainers-${process.pid}`)
    .withLabels({ given: 'label' })
    .withTmpFs({ '/scratch': 'rw,size=1m' })
    .withUlimits({ nofile: { hard: 1234, soft: 1234 } })
    .withBindMounts([{ source: scratch, target: '/bound', mode: 'ro' }])
    .withExtraHosts([{ host: 'elsewhere', ipAddress: '10.11.12.13' }])
    .withDroppedCapabilities('CHOWN')
    .withUser('65534:65534')
    .withWorkingDir('/tmp')
    .withHostname('hosted')
    .withSharedMemorySize(2 << 20)
    .withResourcesQuota({ memory: 0.0625, cpu: 0.5 })
    .withPrivilegedMode()
    .start();
  assert.equal(started.getName(), `/testcontainers-${process.pid}`);
  assert.equal(started.getLabels().given, 'label');
  assert.equal(started.getHostname(), 'hosted');
  const script = 'ulimit -n; pwd; id -u; cat /bound/file; grep -c elsewhere /etc/hosts; df -k /scratch | tail -1';
  const { output } = await started.exec(['sh', '-c', script]);
  assert.match(output, /^1234\n\/tmp\n65534\nof a file1\n(tmpfs|none) +1024 /);
  const { HostConfig } = await new Docker().getContainer(started.getId()).inspect();
  assert.equal(HostConfig.Memory, 64 << 20);
  assert.equal(HostConfig.NanoCpus, 500_000_000);
  await started.stop();
});

step('restart, commit, and a container that stays after its stop', async () => {
  const started = await webServer().start();
  await started.exec(['sh', '-c', 'echo more >/www/more']);
  await started.restart();
  assert.equal((await served(started, 'more')).text, 'more\n');
  const id = await started.commit({ repo: 'testcontainers-commit', tag: 'test' });
  const stopped = await started.stop({ remove: false });
  const docker = new Docker();
  assert.equal((await docker.getContainer(stopped.getId()).inspect()).State.Status, 'exited');
  await docker.getContainer(stopped.getId()).remove();
  const again = await new GenericContainer('testcontainers-commit:test').withExposedPorts(8080).start();
  assert.equal((await served(again, 'more')).text, 'more\n');
  await again.stop();
  await docker.getImage(id).remove({ force: true });
});

step('one container for two that may share it', async () => {
  const make = () =>
    webServer()
      .withLabels({ shared: String(process.pid) })
      .withReuse()
      .start();
  const first = await make();
  const second = await make();
  assert.equal(second.getId(), first.getId());
  assert.equal((await served(second)).status, 200);
  await first.stop();
});

step('Redis: its log, its port, its command line and its protocol', async () => {
  const started = await new RedisContainer(redis).withCommand(server).start();
  assert.equal(await started.executeCliCmd('SET', ['greeting', 'hello']), 'OK\n');
  const answer = await ask(started.getPort(), started.getHost(), 'GET greeting\r\n');
  assert.equal(answer, '$5\r\nhello\r\n');
  assert.equal(started.getConnectionUrl(), `redis://${started.getHost()}:${started.getPort()}`);
  await started.stop();
});

step('Redis: what it keeps is there for the next', async () => {
  const persistence = join(scratch, 'redis');
  mkdirSync(persistence);
  const keeping = () => new RedisContainer(redis).withCommand(server).withPersistence(persistence).start();
  const first = await keeping();
  await first.executeCliCmd('SET', ['kept', 'yes']);
  await first.stop({ timeout: 20_000 });
  const second = await keeping();
  assert.equal(await second.executeCliCmd('GET', ['kept']), 'yes\n');
  await second.stop({ timeout: 20_000 });
});

for (const door of ['classic', 'BuildKit']) {
  step(`an image of a Dockerfile, by the ${door} builder`, async () => {
    const context = join(scratch, `context-${door}`);
    mkdirSync(context);
    writeFileSync(join(context, 'page'), 'built of files\n');
    writeFileSync(join(context, 'left-out'), '');
    writeFileSync(join(context, '.dockerignore'), 'left-*\n');
    const stages = [
      'FROM busybox:latest AS site',
      'ARG NAME=none',
      'COPY . /www/',
      'RUN echo $NAME >/www/name; ls -A /www >/www/list',
      'FROM site AS other',
      'RUN false',
    ];
    writeFileSync(join(context, 'Dockerfile'), stages.join('\n'));
    const builder = GenericContainer.fromDockerfile(context).withBuildArgs({ NAME: door }).withTarget('site');
    const name = `testcontainers-${door.toLowerCase()}:built`;
    if (door === 'BuildKit') builder.withBuildkit();
    const image = await builder.build(name, { deleteOnExit: false });
    const started = await image.withCommand(httpd).withExposedPorts(8080).start();
    assert.equal((await served(started, 'page')).text, 'built of files\n');
    assert.equal((await served(started, 'name')).text, `${door}\n`);
    assert.doesNotMatch((await served(started, 'list')).text, /left-out/);
    await started.stop();
    await assert.rejects(GenericContainer.fromDockerfile(context).build(`${name}-2`, { deleteOnExit: false }));
    await new Docker().getImage(name).remove();
  });
}

await runSteps();
