/**
 * `npm run demo`: an engine of its own in temporary directories, real containers, and its death in the midst of it.
 * Prints what each step took, and leaves nothing behind.
 */
import { estibaCommand, run, startEngine, type TestEngine, until } from '../../test/harness/index.ts';

let shown = 0;

/** Runs one step, tells what came of it and how long it took, and gives what it gave. */
async function step<T>(title: string, work: () => Promise<T>, tell: (result: T) => string = String): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  const took = `${(performance.now() - startedAt).toFixed(0)} ms`;
  console.log(`${String(++shown).padStart(2)}. ${title}\n    ${tell(result)}  [${took}]`);
  return result;
}

/** The demo shows things; where one is not as it should be it stops. */
function expectThat(truth: boolean, what: string): void {
  if (!truth) throw new Error(`not so: ${what}`);
}

async function estiba(engine: TestEngine, ...args: string[]): Promise<string> {
  const ran = await engine.estiba(...args);
  if (ran.code !== 0) throw new Error(`estiba ${args.join(' ')} exited ${ran.code}: ${ran.stderr}`);
  return ran.stdout.trim();
}

async function provideImage(engine: TestEngine): Promise<string> {
  const pulled = await run([...estibaCommand(), 'pull', '-q', 'busybox'], {
    environment: { DOCKER_HOST: engine.host },
    timeoutMs: 20_000,
  });
  if (pulled.code === 0) return 'busybox, from the registry';
  return `${await estiba(engine, 'image', 'bootstrap', 'busybox')}, made of this host's own packages`;
}

async function serveWeb(engine: TestEngine): Promise<string> {
  const script = 'mkdir /w; echo "hello from $(hostname)" > /w/index.html; exec httpd -f -p 80 -h /w';
  await estiba(engine, 'run', '-d', '--name', 'web', '-h', 'web', '-p', '127.0.0.1::80', 'busybox', 'sh', '-c', script);
  const text = await until('the web server', () => askWeb(engine));
  expectThat(text === 'hello from web', text);
  return `it says: ${text}`;
}

async function hitMemoryLimit(engine: TestEngine): Promise<string> {
  const hog = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=200M', 'count=1'];
  const ran = await engine.estiba('run', '--name', 'hungry', '-m', '32m', '--memory-swap', '32m', 'busybox', ...hog);
  const killed = await estiba(engine, 'inspect', '-f', '{{.State.OOMKilled}}', 'hungry');
  expectThat(ran.code === 137 && killed === 'true', `exit code ${ran.code}, OOMKilled ${killed}`);
  return 'exit code 137, OOMKilled true';
}

/** Numbered lines are written while the engine is dead: each must be there once. */
async function dieAndComeBack(engine: TestEngine): Promise<string> {
  const lines = 300;
  const script = `i=0; while [ $i -lt ${lines} ]; do echo line $i; i=$((i+1)); [ $((i%10)) = 0 ] && sleep 0.05; done; exit 42`;
  await estiba(engine, 'run', '-d', '--name', 'counter', 'busybox', 'sh', '-c', script);
  await until('the first lines', async () => (await estiba(engine, 'logs', 'counter')).length > 0);
  await engine.kill();
  await engine.start();
  const code = await estiba(engine, 'wait', 'counter');
  const log = (await estiba(engine, 'logs', 'counter')).split('\n');
  expectThat(code === '42' && log.length === lines, `exit code ${code}, ${log.length} lines`);
  expectThat(
    log.every((line, index) => line === `line ${index}`),
    'a line is missing or out of order',
  );
  return `killed with -9 and started again while it logged: ${log.length} of ${lines} lines, exit code ${code}`;
}

async function askWeb(engine: TestEngine): Promise<string> {
  const [address = ''] = (await estiba(engine, 'port', 'web', '80')).split('\n');
  const response = await fetch(`http://${address}/`);
  return (await response.text()).trim();
}

const engine = await step(
  'start an engine in a temporary directory',
  () => startEngine({ empty: true }),
  ({ host }) => host,
);
try {
  await step('take a base image', () => provideImage(engine));
  await step('run a command', () => estiba(engine, 'run', '--rm', 'busybox', 'echo', 'hello from a container'));
  await step('run a web server on a published port, and ask it from the host', () => serveWeb(engine));
  await step('execute a command in it', () => estiba(engine, 'exec', 'web', 'ls', '/w'));
  await step('run into a memory limit', () => hitMemoryLimit(engine));
  await step('kill the engine under a running container', () => dieAndComeBack(engine));
  await step('ask the web server, which has not noticed', () => askWeb(engine));
} finally {
  // Disposing proves that nothing is left on the host, and throws if something is.
  await step(
    'stop everything, and look for what is left',
    async () => engine[Symbol.asyncDispose](),
    () => 'nothing',
  );
}
