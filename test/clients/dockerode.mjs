/** Docker's API as dockerode sees it. DOCKER_HOST names the engine, which has `busybox:latest`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { all, collector, runSteps, step, until } from './steps.mjs';

const docker = new Docker();
const label = 'estiba.test.dockerode';
const made = { Image: 'busybox:latest', Labels: { [label]: 'yes' } };
const shell = (script) => ['sh', '-c', script];
const untilTold = 'while [ ! -e /go ]; do sleep 0.02; done;';
const scratch = mkdtempSync(join(tmpdir(), 'dockerode-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

async function withContainer(options, action) {
  const container = await docker.createContainer({ ...made, ...options });
  try {
    return await action(container);
  } finally {
    await container.remove({ force: true, v: true });
  }
}

async function running(options, action) {
  return withContainer({ Cmd: ['sleep', '600'], ...options }, async (container) => {
    await container.start();
    return action(container);
  });
}

async function execute(container, options) {
  const exec = await container.exec({ AttachStdout: true, AttachStderr: true, ...options });
  const stream = await exec.start({});
  const out = collector();
  const errors = collector();
  docker.modem.demuxStream(stream, out, errors);
  await new Promise((resolve) => stream.on('end', resolve));
  return { ...(await exec.inspect()), out: out.text(), errors: errors.text() };
}

/** The names in a tar and the text of its files. */
function unpacked(tar) {
  const names = spawnSync('tar', ['-t'], { input: tar, maxBuffer: 1e8 }).stdout.toString().trim().split('\n');
  return { names, text: spawnSync('tar', ['-xO'], { input: tar, maxBuffer: 1e8 }).stdout.toString() };
}

function packed(files) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(scratch, name), text);
  return spawnSync('tar', ['-C', scratch, '-c', ...Object.keys(files)]).stdout;
}

/** Runs a container to its end and until the end of its output: dockerode itself waits for the first alone. */
async function runToEnd(image, cmd, streams, options) {
  const all = [streams].flat();
  const ended = Promise.all(all.map((stream) => new Promise((resolve) => stream.once('finish', resolve))));
  const result = await docker.run(image, cmd, streams, options);
  await ended;
  return result;
}

async function refusal(promise) {
  const error = await promise.then(
    () => assert.fail('not refused'),
    (thrown) => thrown,
  );
  return { status: error.statusCode, reason: error.reason, message: error.json?.message, said: error.message };
}

step('ping, version and info', async () => {
  assert.equal((await docker.ping()).toString(), 'OK');
  const version = await docker.version();
  assert.match(version.ApiVersion, /^1\.\d+$/);
  assert.equal(version.Os, 'linux');
  const info = await docker.info();
  assert.equal(typeof info.Containers, 'number');
  assert.equal(info.OSType, 'linux');
});

step('run: output, exit code and removal in one call', async () => {
  const out = collector();
  const errors = collector();
  const cmd = shell('echo out; echo err >&2; exit 3');
  const [end, container] = await runToEnd('busybox', cmd, [out, errors], { Tty: false, Labels: made.Labels });
  assert.equal(end.StatusCode, 3);
  assert.equal(out.text(), 'out\n');
  assert.equal(errors.text(), 'err\n');
  await container.remove();
});

step('run with a terminal', async () => {
  const out = collector();
  const [end, container] = await runToEnd('busybox', shell('tty; echo err >&2'), out, { Tty: true });
  assert.equal(end.StatusCode, 0);
  assert.match(out.text(), /^\/dev\/(pts\/\d+|console)\r\nerr\r\n$/);
  await container.remove();
});

step('attach: input taken until its end, output told apart', async () => {
  const options = { Cmd: shell('cat; echo end >&2'), OpenStdin: true, StdinOnce: true, AttachStdin: true };
  await withContainer(options, async (container) => {
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const out = collector();
    const errors = collector();
    docker.modem.demuxStream(stream, out, errors);
    const ended = new Promise((resolve) => stream.on('end', resolve));
    await container.start();
    stream.write('first\n');
    stream.write('second\n');
    stream.end();
    assert.deepEqual(await container.wait(), { StatusCode: 0 });
    await ended;
    assert.equal(out.text(), 'first\nsecond\n');
    assert.equal(errors.text(), 'end\n');
  });
});

step('attach without hijack', async () => {
  await withContainer({ Cmd: shell('echo said'), AttachStdout: true }, async (container) => {
    const stream = await container.attach({ stream: true, stdout: true, stderr: true });
    const out = collector();
    docker.modem.demuxStream(stream, out, out);
    const ended = new Promise((resolve) => stream.on('end', resolve));
    await container.start();
    await ended;
    assert.equal(out.text(), 'said\n');
  });
});

step('terminal: its size, input and echo', async () => {
  const options = { Cmd: ['sh'], Tty: true, OpenStdin: true, AttachStdin: true, Env: ['PS1=> '] };
  await withContainer(options, async (container) => {
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    await container.start();
    await container.resize({ h: 33, w: 77 });
    await until('a prompt', () => text.includes('> '));
    stream.write('stty size\n');
    await until('its size', () => text.includes('33 77'));
    stream.write('exit 5\n');
    assert.equal((await container.wait()).StatusCode, 5);
  });
});

step('logs: a buffer, parts of it, and a follower', async () => {
  const script = `echo two >&2; ${untilTold} rm /go; echo one; echo three; ${untilTold} echo four`;
  await running({ Cmd: shell(script) }, async (container) => {
    const read = async (options) => {
      const out = collector();
      const errors = collector();
      const bytes = await container.logs({ stdout: true, stderr: true, ...options });
      const stream = { on: (_, take) => take(bytes) };
      docker.modem.demuxStream(stream, out, errors);
      return [out.text(), errors.text()];
    };
    // Two pipes have no order between them: the first is read before the second is written.
    await until('the first line', async () => (await read())[1] === 'two\n');
    await execute(container, { Cmd: ['touch', '/go'] });
    await until('three lines', async () => (await read())[0].includes('three'));
    assert.deepEqual(await read(), ['one\nthree\n', 'two\n']);
    assert.deepEqual(await read({ stderr: false, tail: 1 }), ['three\n', '']);
    assert.match((await read({ timestamps: true, tail: 1 }))[0], /^\d{4}-\d\d-\d\dT[\d:.]+Z three\n$/);
    const followed = await container.logs({ stdout: true, follow: true });
    const out = collector();
    docker.modem.demuxStream(followed, out, out);
    const ended = new Promise((resolve) => followed.on('end', resolve));
    await until('what was said before', () => out.text().includes('three'));
    await execute(container, { Cmd: ['touch', '/go'] });
    await ended;
    assert.equal(out.text(), 'one\nthree\nfour\n');
  });
});

step('exec: output told apart, exit code, environment, user and folder', async () => {
  await running({}, async (container) => {
    const ran = await execute(container, {
      Cmd: shell('echo $A $PWD; id -u >&2; exit 4'),
      Env: ['A=b'],
      User: '65534',
      WorkingDir: '/tmp',
    });
    assert.equal(ran.out, 'b /tmp\n');
    assert.equal(ran.errors, '65534\n');
    assert.equal(ran.ExitCode, 4);
    assert.equal(ran.Running, false);
    assert.equal(ran.ProcessConfig.entrypoint, 'sh');
    assert.deepEqual(ran.ProcessConfig.arguments, ['-c', 'echo $A $PWD; id -u >&2; exit 4']);
  });
});

step('exec: input over a hijacked stream, and a terminal that is resized', async () => {
  await running({}, async (container) => {
    const exec = await container.exec({ Cmd: ['cat'], AttachStdin: true, AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({ hijack: true, stdin: true });
    const out = collector();
    docker.modem.demuxStream(stream, out, out);
    const ended = new Promise((resolve) => stream.on('end', resolve));
    stream.end('through\n');
    await ended;
    assert.equal(out.text(), 'through\n');

    const terminal = await container.exec({ Cmd: ['sh'], Tty: true, AttachStdin: true, AttachStdout: true });
    const shown = await terminal.start({ hijack: true, stdin: true, Tty: true });
    let text = '';
    shown.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    await until('a prompt', () => text.includes('#'));
    await terminal.resize({ h: 22, w: 66 });
    shown.write('stty size; exit 7\n');
    await until('its size', () => text.includes('22 66'));
    await until('its end', async () => !(await terminal.inspect()).Running);
    assert.equal((await terminal.inspect()).ExitCode, 7);
  });
});

step('exec: detached', async () => {
  await running({}, async (container) => {
    const exec = await container.exec({ Cmd: ['touch', '/done'] });
    await exec.start({ Detach: true });
    await until('its end', async () => (await exec.inspect()).ExitCode === 0);
    assert.deepEqual(
      (await container.changes()).filter(({ Path }) => Path === '/done'),
      [{ Path: '/done', Kind: 1 }],
    );
  });
});

step('stats: one, and a stream of them', async () => {
  await running({}, async (container) => {
    const one = await container.stats({ stream: false });
    assert.equal(one.id, container.id);
    assert.equal(one.pids_stats.current, 1);
    assert.ok(one.memory_stats.usage > 0);
    assert.ok(one.cpu_stats.system_cpu_usage >= one.precpu_stats.system_cpu_usage);
    assert.ok(one.networks.eth0.rx_bytes >= 0);
    const stream = await container.stats({ stream: true });
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    const line = await until('two readings', () => text.split('\n').length > 2 && text.split('\n')[1]);
    stream.destroy();
    const second = JSON.parse(line);
    assert.ok(second.precpu_stats.system_cpu_usage > 0);
    assert.ok(second.read > second.preread);
  });
});

step('events: a stream, and those of the past', async () => {
  const since = Math.floor(Date.now() / 1000) - 1;
  const filters = { type: ['container'], label: [label] };
  const stream = await docker.getEvents({ since, filters });
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const container = await docker.createContainer({ ...made, Cmd: shell('exit 9') });
  await container.start();
  await container.wait();
  await container.remove();
  const ours = (lines) =>
    lines
      .split('\n')
      .filter((line) => line.includes(container.id))
      .map((line) => JSON.parse(line));
  await until('its end', () => ours(text).some(({ Action }) => Action === 'destroy'));
  stream.destroy();
  const actions = ours(text).map(({ Action }) => Action);
  assert.deepEqual(actions, ['create', 'start', 'die', 'destroy']);
  const died = ours(text).find(({ Action }) => Action === 'die');
  assert.equal(died.Actor.Attributes.exitCode, '9');
  assert.equal(died.Actor.Attributes[label], 'yes');
  const to = Math.ceil(Date.now() / 1000) + 1;
  const past = await docker.getEvents({ since, until: to, filters: { ...filters, event: ['die'] } });
  assert.deepEqual(
    ours((await all(past)).toString()).map(({ Action }) => Action),
    ['die'],
  );
});

/** A wait that the engine has taken, as its head is out; gives the rest of the answer. */
async function registered(container, condition) {
  const call = {
    path: `/containers/${container.id}/wait?`,
    method: 'POST',
    isStream: true,
    options: { _query: { condition }, _body: {} },
    statusCodes: { 200: true },
  };
  const answer = await new Promise((resolve, reject) =>
    docker.modem.dial(call, (error, stream) => (error ? reject(error) : resolve(stream))),
  );
  return async () => JSON.parse((await all(answer)).toString());
}

step('wait: for the next exit and for removal', async () => {
  const container = await docker.createContainer({ ...made, Cmd: shell('exit 6'), HostConfig: { AutoRemove: true } });
  assert.equal((await container.wait({ condition: 'not-running' })).StatusCode, 0);
  const next = await registered(container, 'next-exit');
  const removed = await registered(container, 'removed');
  await container.start();
  assert.deepEqual(await next(), { StatusCode: 6 });
  assert.deepEqual(await removed(), { StatusCode: 6 });
  assert.equal((await refusal(container.wait())).status, 404);
});

step('inspect, with sizes, and top', async () => {
  await running({ Hostname: 'named', Env: ['A=b'] }, async (container) => {
    await execute(container, { Cmd: shell('echo 12345 >/file') });
    const seen = await container.inspect({ size: true });
    assert.equal(seen.Config.Hostname, 'named');
    assert.ok(seen.Config.Env.includes('A=b'));
    assert.equal(seen.State.Status, 'running');
    assert.equal(seen.SizeRw, 6);
    assert.ok(seen.SizeRootFs > seen.SizeRw);
    const listed = await container.top({ ps_args: '-o pid,args' });
    assert.deepEqual(listed.Titles, ['PID', 'COMMAND']);
    assert.deepEqual(
      listed.Processes.map((row) => row[1]),
      ['sleep 600'],
    );
  });
});

step('files: put, get, told of, changes and export', async () => {
  await running({}, async (container) => {
    await container.putArchive(packed({ one: 'first', two: 'second' }), { path: '/tmp' });
    const fromFile = join(scratch, 'three.tar');
    writeFileSync(fromFile, packed({ three: 'third' }));
    await container.putArchive(fromFile, { path: '/tmp', noOverwriteDirNonDir: 'true' });
    const got = unpacked(await all(await container.getArchive({ path: '/tmp/two' })));
    assert.deepEqual(got, { names: ['two'], text: 'second' });
    const told = await container.infoArchive({ path: '/tmp/two' });
    const stat = JSON.parse(Buffer.from(told.headers['x-docker-container-path-stat'], 'base64').toString());
    assert.equal(stat.name, 'two');
    assert.equal(stat.size, 6);
    const changed = await container.changes();
    assert.deepEqual(changed, [
      { Path: '/tmp', Kind: 0 },
      { Path: '/tmp/one', Kind: 1 },
      { Path: '/tmp/three', Kind: 1 },
      { Path: '/tmp/two', Kind: 1 },
    ]);
    const exported = unpacked(await all(await container.export()));
    assert.ok(exported.names.includes('tmp/three'));
    assert.ok(exported.names.includes('bin/busybox'));
    const missing = await refusal(container.getArchive({ path: '/nowhere' }));
    assert.equal(missing.status, 404);
    assert.match(missing.said, /Could not find the file \/nowhere in container/);
  });
});

step('commit, and the images around it', async () => {
  const repository = 'dockerode-commit';
  const id = await running({}, async (container) => {
    await execute(container, { Cmd: shell('echo kept >/kept') });
    const changes = 'CMD ["cat", "/kept"]';
    const answer = await container.commit({ repo: repository, tag: 'a', comment: 'said', author: 'me', changes });
    return answer.Id;
  });
  const image = docker.getImage(`${repository}:a`);
  const seen = await image.inspect();
  assert.equal(seen.Id, id);
  assert.deepEqual(seen.Config.Cmd, ['cat', '/kept']);
  assert.equal(seen.Author, 'me');
  await image.tag({ repo: repository, tag: 'b' });
  assert.equal((await image.history())[0].Comment, 'said');
  const out = collector();
  const [end, container] = await runToEnd(`${repository}:b`, [], out, {});
  assert.equal(end.StatusCode, 0);
  assert.equal(out.text(), 'kept\r\n');
  await container.remove();
  const listed = await docker.listImages({ filters: { reference: [repository] } });
  assert.deepEqual(listed.flatMap(({ RepoTags }) => RepoTags).sort(), [`${repository}:a`, `${repository}:b`]);
  const saved = await all(await image.get());
  assert.ok(unpacked(saved).names.includes('manifest.json'));
  await docker.getImage(`${repository}:b`).remove();
  const removed = await image.remove();
  assert.ok(removed.some(({ Untagged }) => Untagged === `${repository}:a`));
  assert.equal((await refusal(image.inspect())).status, 404);
  const loaded = await docker.loadImage(writeSaved(saved), {});
  const progress = await new Promise((resolve, reject) =>
    docker.modem.followProgress(loaded, (error, lines) => (error ? reject(error) : resolve(lines))),
  );
  assert.ok(progress.some(({ stream }) => stream === `Loaded image: ${repository}:a\n`));
  assert.equal((await image.inspect()).Id, id);
  await image.remove();
});

function writeSaved(bytes) {
  const path = join(scratch, 'saved.tar');
  writeFileSync(path, bytes);
  return path;
}

step('import', async () => {
  const tar = join(scratch, 'root.tar');
  writeFileSync(tar, packed({ file: 'imported' }));
  const stream = await docker.importImage(tar, { repo: 'dockerode-import', tag: 'x' });
  const lines = await new Promise((resolve, reject) =>
    docker.modem.followProgress(stream, (error, all) => (error ? reject(error) : resolve(all))),
  );
  const image = docker.getImage('dockerode-import:x');
  assert.equal(lines.at(-1).status, (await image.inspect()).Id);
  await image.remove();
});

step('volumes: made, used, listed, kept and pruned', async () => {
  const Labels = { [label]: 'volume' };
  const volume = await docker.createVolume({ Name: 'dockerode-kept', Labels });
  const named = docker.getVolume(volume.name ?? volume.Name);
  await running({ HostConfig: { Binds: ['dockerode-kept:/data'] } }, async (container) => {
    await execute(container, { Cmd: shell('echo there >/data/file') });
    const refused = await refusal(named.remove());
    assert.equal(refused.status, 409);
    assert.match(refused.message, /volume is in use/);
  });
  const out = collector();
  const HostConfig = { Mounts: [{ Type: 'volume', Source: 'dockerode-kept', Target: '/data' }] };
  // No AutoRemove: dockerode waits only after the start, and may then find nobody.
  const [, reader] = await runToEnd('busybox', ['cat', '/data/file'], out, { HostConfig });
  await reader.remove();
  assert.equal(out.text(), 'there\r\n');
  const { Volumes } = await docker.listVolumes({ filters: { label: [`${label}=volume`] } });
  assert.deepEqual(
    Volumes.map(({ Name }) => Name),
    ['dockerode-kept'],
  );
  assert.deepEqual((await named.inspect()).Labels, Labels);
  const pruned = await docker.pruneVolumes({ filters: { label: [`${label}=volume`], all: ['true'] } });
  assert.deepEqual(pruned.VolumesDeleted, ['dockerode-kept']);
  assert.equal((await refusal(named.inspect())).status, 404);
});

step('update, kill, rename, pause, restart and stop', async () => {
  const script = 'trap "exit 0" TERM; echo trapped; while :; do sleep 0.1; done';
  await running({ Cmd: shell(script) }, async (container) => {
    // Without its trap the process would not be ended by SIGTERM.
    const trapped = (times) =>
      until(
        'the trap',
        async () => (await container.logs({ stdout: true })).toString().split('trapped').length > times,
      );
    await trapped(1);
    await container.update({ Memory: 64 << 20, MemorySwap: 128 << 20, RestartPolicy: { Name: 'no' } });
    const seen = await container.inspect();
    assert.equal(seen.HostConfig.Memory, 64 << 20);
    const before = seen.State.Pid;
    await container.rename({ name: 'dockerode-renamed' });
    assert.equal((await docker.getContainer('dockerode-renamed').inspect()).Name, '/dockerode-renamed');
    await container.pause();
    assert.equal((await container.inspect()).State.Status, 'paused');
    assert.equal((await refusal(container.pause())).status, 409);
    await container.unpause();
    await container.restart({ t: 10 });
    const after = (await container.inspect()).State;
    assert.equal(after.Running, true);
    assert.notEqual(after.Pid, before);
    await trapped(2);
    await container.kill({ signal: 'KILL' });
    assert.equal((await container.wait()).StatusCode, 137);
    const again = await refusal(container.kill());
    assert.equal(again.status, 409);
    assert.match(again.message, /is not running$/);
    await container.start();
    await trapped(3);
    await container.stop({ t: 10 });
    assert.equal((await refusal(container.stop())).status, 304);
  });
});

step('lists and their filters', async () => {
  await running({ name: 'dockerode-one', Labels: { [label]: 'list' } }, async (one) => {
    await withContainer({ name: 'dockerode-two', Labels: { [label]: 'list' } }, async (two) => {
      const ids = async (options) => (await docker.listContainers(options)).map(({ Id }) => Id);
      const filters = { label: [`${label}=list`] };
      assert.deepEqual(await ids({ all: true, filters }), [two.id, one.id]);
      assert.deepEqual(await ids({ filters }), [one.id]);
      assert.deepEqual(await ids({ all: true, filters: { ...filters, status: ['created'] } }), [two.id]);
      assert.deepEqual(await ids({ all: true, filters: JSON.stringify({ name: ['dockerode-t'] }) }), [two.id]);
      assert.deepEqual(await ids({ all: true, limit: 1, filters }), [two.id]);
      assert.equal((await refusal(docker.listContainers({ filters: { colour: ['red'] } }))).status, 400);
    });
  });
});

step('prune of containers, and how much is taken', async () => {
  const container = await docker.createContainer({ ...made, Labels: { [label]: 'prune' } });
  const usage = await docker.df();
  assert.ok(usage.Containers.some(({ Id }) => Id === container.id));
  assert.ok(Array.isArray(usage.Volumes) && Array.isArray(usage.Images));
  const pruned = await docker.pruneContainers({ filters: { label: [`${label}=prune`] } });
  assert.deepEqual(pruned.ContainersDeleted, [container.id]);
  const none = await docker.pruneImages({ filters: { dangling: ['true'], label: [label] } });
  assert.equal(none.SpaceReclaimed, 0);
});

step('refusals: status, reason and message', async () => {
  const nobody = docker.getContainer('nobody');
  assert.deepEqual(await refusal(nobody.inspect()), {
    status: 404,
    reason: 'no such container',
    message: 'No such container: nobody',
    said: '(HTTP code 404) no such container - No such container: nobody ',
  });
  assert.equal((await refusal(nobody.start())).status, 404);
  assert.equal((await refusal(nobody.attach({ stream: true, stdout: true, hijack: true }))).status, 404);
  assert.equal((await refusal(docker.createContainer({ Image: 'nowhere:none' }))).status, 404);
  assert.equal((await refusal(docker.createContainer({ ...made, name: 'b@d' }))).status, 400);
  await withContainer({ name: 'dockerode-taken', Cmd: ['/missing'] }, async (container) => {
    const taken = await refusal(docker.createContainer({ ...made, name: 'dockerode-taken' }));
    assert.equal(taken.status, 409);
    assert.match(taken.message, /^Conflict\. The container name "\/dockerode-taken" is already in use/);
    const failed = await refusal(container.start());
    assert.equal(failed.status, 400);
    assert.match(failed.message, /no such file or directory/);
    assert.equal((await container.inspect()).State.ExitCode, 127);
    const exec = await refusal(container.exec({ Cmd: ['true'] }));
    assert.equal(exec.status, 409);
  });
});

step('an old version of the API, and one that is none', async () => {
  const old = new Docker({ version: 'v1.24' });
  const [listed] = await old.listImages({ filters: { reference: ['busybox'] } });
  assert.ok(listed.RepoTags.includes('busybox:latest'));
  const refused = await refusal(new Docker({ version: 'v1.99' }).info());
  assert.equal(refused.status, 400);
});

step('a published port', async () => {
  const PortBindings = { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] };
  const Cmd = ['busybox', 'httpd', '-f', '-p', '80', '-h', '/etc'];
  await running({ Cmd, ExposedPorts: { '80/tcp': {} }, HostConfig: { PortBindings } }, async (container) => {
    const { Ports } = (await container.inspect()).NetworkSettings;
    const port = Ports['80/tcp'][0].HostPort;
    const text = await until('an answer', () =>
      fetch(`http://127.0.0.1:${port}/passwd`).then(
        (answer) => answer.ok && answer.text(),
        () => undefined,
      ),
    );
    assert.equal(text, (await execute(container, { Cmd: ['cat', '/etc/passwd'] })).out);
  });
});

/** Builds, and gives the events of its stream; a failed build rejects. */
async function built(context, options) {
  const stream = await docker.buildImage(context, { t: 'dockerode-built', ...options });
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error, events) => (error ? reject(error) : resolve(events)));
  });
}

step('a build of a tar, and one of a directory', async () => {
  const Dockerfile = [
    'FROM busybox:latest AS first',
    'ARG V=1',
    'COPY words .',
    'EXPOSE 443/tcp 80 8000-8001',
    'SHELL ["/bin/ash", "-c"]',
    'RUN echo $V >version; cat words',
    'FROM first',
    'RUN false',
  ].join('\n');
  const options = { target: 'first', buildargs: { V: '2' }, labels: { [label]: 'built' } };
  const events = await built(Readable.from([packed({ Dockerfile, words: 'spoken' })]), options);
  const text = events.map(({ stream = '' }) => stream).join('');
  assert.match(text, /^Step 1\/7 : FROM busybox:latest AS first\n/);
  assert.match(text, /\nspoken/);
  assert.ok(text.endsWith('\nSuccessfully tagged dockerode-built:latest\n'), text);
  const image = docker.getImage('dockerode-built');
  const { Id, Config } = await image.inspect();
  assert.deepEqual(events.filter(({ aux }) => aux).at(-1).aux, { ID: Id });
  assert.deepEqual(Object.keys(Config.ExposedPorts), ['443/tcp', '80/tcp', '8000/tcp', '8001/tcp']);
  assert.equal(Config.Labels[label], 'built');
  const words = (await image.history()).map(({ CreatedBy }) => CreatedBy);
  assert.deepEqual(words.slice(1, 4), [
    '|1 V=2 /bin/ash -c echo $V >version; cat words',
    '/bin/ash -c #(nop)  SHELL [/bin/ash -c]',
    '/bin/sh -c #(nop)  EXPOSE 443/tcp 80 8000-8001',
  ]);
  assert.equal(words[5], '/bin/sh -c #(nop)  ARG V=1');
  const again = await built({ context: scratch, src: ['Dockerfile', 'words'] }, options);
  assert.ok(again.some(({ stream }) => stream === ' ---> Using cache\n'));
  assert.equal((await image.inspect()).Id, Id);
  await image.remove();
});

step('builds that fail', async () => {
  const context = (Dockerfile) => Readable.from([packed({ Dockerfile })]);
  const message = "The command '/bin/sh -c exit 3' returned a non-zero code: 3";
  const events = await built(context('FROM busybox:latest\nRUN exit 3\n'));
  assert.deepEqual(events.at(-1), { errorDetail: { code: 3, message }, error: message });
  assert.equal((await refusal(docker.buildImage(context('FROM busybox:latest\nNO\n'), {}))).status, 400);
  assert.equal((await refusal(docker.getImage('dockerode-built').inspect())).status, 404);
});

await runSteps();
