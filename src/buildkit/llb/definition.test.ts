import { expect, test } from 'bun:test';
import { llb } from '#build-api';
import type { Edge } from '#builder';
import { printGraph } from '#builder';
import type { Written } from '#grpc';
import { digestOf } from '#oci';
import { EstibaError } from '#std/errors';
import { sourceEdge } from '../testing/fake-builder.ts';
import { decodeDefinition, encodeEdge } from './definition.ts';
import { EdgeBook } from './edge-book.ts';

type Op = Written<typeof llb.op>;

/** A definition as a client writes it: each operation by the place of its inputs in the list; the last one is the end. */
function definitionOf(ops: readonly Op[], metadata: Record<number, Written<typeof llb.opMetadata>> = {}) {
  const def: Uint8Array[] = [];
  for (const op of ops) {
    const inputs = op.inputs?.map(({ digest, index }) => ({ digest: digestOf(def[Number(digest)] ?? ''), index }));
    def.push(llb.op.encode({ ...op, inputs }));
  }
  const last = def.at(-1);
  def.push(llb.op.encode({ inputs: [{ digest: digestOf(last ?? '') }] }));
  const named = Object.entries(metadata).map(([index, value]) => [digestOf(def[Number(index)] ?? ''), value] as const);
  return llb.definition.decode(llb.definition.encode({ def, metadata: new Map(named) }));
}

const decode = (ops: readonly Op[], metadata?: Record<number, Written<typeof llb.opMetadata>>): Edge | undefined =>
  decodeDefinition(definitionOf(ops, metadata), new EdgeBook());

const image: Op = { source: { identifier: 'docker-image://docker.io/library/busybox:latest' } };
const root = { input: 0, dest: '/', output: 0 };
const run = (more: Written<typeof llb.execOp> = {}): Op => ({
  inputs: [{ digest: '0' }],
  exec: { meta: { args: ['make'], cwd: '/src' }, mounts: [root], ...more },
  platform: { os: 'linux', architecture: 'arm64' },
});

test('a definition becomes vertices as the solver knows them', () => {
  const copy = { src: '/a', dest: '/b/', mode: -1, timestamp: -1n, dirCopyContents: true, createDestPath: true };
  const edge = decode(
    [
      image,
      run(),
      { inputs: [{ digest: '1' }, { digest: '0' }], file: { actions: [{ secondaryInput: 1, copy }] } },
      { inputs: [{ digest: '1' }, { digest: '2' }], merge: { inputs: [{ input: 1 }, { input: 0 }] } },
    ],
    { 1: { ignoreCache: true, description: new Map([['llb.customname', 'making']]) } },
  );
  if (edge === undefined) throw new Error('no edge');
  expect(printGraph([edge]).replaceAll(/linux\/amd64/g, 'HOST')).toBe(
    [
      '0: source docker-image://docker.io/library/busybox:latest HOST — docker-image://docker.io/library/busybox:latest',
      '1: exec ["make"] (0) linux/arm64 uncached — making',
      '2: file copy (1, 0) HOST — copy /a /b/',
      '3: merge (2, 1) HOST — merge',
      'ends in 3\n',
    ].join('\n'),
  );
  const file = edge.vertex.inputs[0]?.vertex.operation;
  expect(file?.type === 'file' && file.actions[0]).toMatchObject({
    input: 0,
    secondaryInput: 1,
    output: 0,
    action: { type: 'copy', copiesContents: true, createsDestination: true },
  });
});

test('an exec keeps its mounts, variables and limits', () => {
  const edge = decode([
    image,
    run({
      meta: {
        args: ['sh', '-c', 'true'],
        env: ['A=b'],
        proxyEnv: { httpProxy: 'http://proxy' },
        extraHosts: [{ host: 'here', ip: '127.0.0.1' }],
        ulimit: [{ name: 'nofile', soft: 1, hard: 2 }],
        validExitCodes: [0, 3],
      },
      mounts: [
        root,
        { dest: '/cache', input: -1, output: -1, mountType: 3, cacheOpt: { id: 'c', sharing: 2 } },
        { dest: '/key', input: -1, output: -1, mountType: 1, secretOpt: { id: 'k', mode: 0o400, optional: true } },
        { dest: '/agent', input: -1, output: -1, mountType: 2, sshOpt: { id: 'default', mode: 0o600 } },
        { dest: '/tmp', input: -1, output: -1, mountType: 4, tmpfsOpt: { size: 1024 } },
      ],
      network: 2,
      secretenv: [{ id: 'token', name: 'TOKEN' }],
    }),
  ]);
  expect(edge?.vertex.operation).toMatchObject({
    words: ['sh', '-c', 'true'],
    directory: '/',
    network: 'none',
    security: 'sandbox',
    uncountedEnvironment: ['HTTP_PROXY=http://proxy', 'http_proxy=http://proxy'],
    extraHosts: [{ host: 'here', address: '127.0.0.1' }],
    ulimits: [{ name: 'nofile', soft: 1, hard: 2 }],
    validExitCodes: [0, 3],
    secretEnvironment: [{ id: 'token', name: 'TOKEN', isOptional: false }],
    mounts: [
      { type: 'bind', target: '/', input: 0, output: 0 },
      { type: 'cache', input: -1, output: -1, cache: { id: 'c', sharing: 'locked' } },
      { type: 'secret', secret: { id: 'k', mode: 0o400, isOptional: true } },
      { type: 'ssh', ssh: { id: 'default', mode: 0o600 } },
      { type: 'tmpfs', tmpfsSizeBytes: 1024 },
    ],
  });
});

test('lines of a file come along, and what clients make anew each time does not count', () => {
  const local = (unique: string): Op => ({
    source: { identifier: 'local://context', attrs: new Map([['local.unique', unique]]) },
  });
  const definition = definitionOf([local('one')]);
  const digest = digestOf(definition.def[0] ?? '');
  const ranges = [{ start: { line: 2, character: 0 }, end: { line: 3, character: 0 } }];
  const edge = decodeDefinition(
    {
      ...definition,
      source: {
        locations: new Map([[digest, { locations: [{ sourceIndex: 0, ranges }] }]]),
        infos: [{ filename: 'F', data: Buffer.from('a\nb\nc'), definition: new Uint8Array(), language: '' }],
      },
    },
    new EdgeBook(),
  );
  expect(edge?.vertex.origin).toEqual({ fileName: 'F', text: 'a\nb\nc', lines: { first: 2, last: 3 } });
  expect(decode([local('two')])?.vertex.digest).toBe(edge?.vertex.digest ?? '');
});

test('an edge that a client was told of comes back as the same edge', () => {
  const book = new EdgeBook();
  const edge = sourceEdge('busybox');
  const sent = llb.definition.decode(llb.definition.encode(encodeEdge(edge, book)));
  expect(decodeDefinition(sent, book)).toBe(edge);
  // As an input of a step of the client's own.
  const end = llb.op.decode(sent.def[1] ?? new Uint8Array());
  const exec = llb.op.encode({ ...run(), inputs: end.inputs });
  const last = llb.op.encode({ inputs: [{ digest: digestOf(exec) }] });
  const built = decodeDefinition({ ...sent, def: [sent.def[0] ?? exec, exec, last] }, book);
  expect(built?.vertex.inputs).toEqual([edge]);
  expect(() => decodeDefinition(sent, new EdgeBook())).toThrow('no such result of an earlier build: estiba-edge://');
});

test('what is malformed or not supported is refused by name', () => {
  expect(decodeDefinition(llb.definition.decode(new Uint8Array()), new EdgeBook())).toBeUndefined();
  const wrong: readonly [ops: readonly Op[], message: string][] = [
    [[{}], 'no operation that is known'],
    [[image, { inputs: [{ digest: '7' }], merge: {} }], 'failed to load LLB: no operation sha256:'],
    [[image, { ...run(), exec: { mounts: [root] } }], 'no meta of an exec'],
    [[image, run({ mounts: [{ dest: '/x' }] })], 'exec without a root file system'],
    [[image, run({ mounts: [{ ...root, input: 4 }] })], 'mount / has no input 4'],
    [[image, run({ mounts: [{ ...root, mountType: 9 }] })], 'unknown mount type 9'],
    [[image, run({ network: 7 })], 'unknown network mode 7'],
    [[image, run({ cdiDevices: [{ name: 'gpu' }] })], 'devices are not supported'],
    [[image, { inputs: [{ digest: '0' }], build: {} }], 'build operations in a definition are not supported'],
    [[image, { inputs: [{ digest: '0' }], file: {} }], 'no actions of a file operation'],
    [[image, { inputs: [{ digest: '0' }], file: { actions: [{ input: 3 }] } }], 'no input 3 of a file operation'],
    [[image, { inputs: [{ digest: '0' }], merge: { inputs: [{ input: 2 }] } }], 'no input 2 of a merge'],
  ];
  for (const [ops, message] of wrong) expect(() => decode(ops)).toThrow(message);
  const garbage = { def: [Buffer.from('rubbish'), Buffer.from('more')], metadata: new Map(), source: undefined };
  expect(() => decodeDefinition(garbage, new EdgeBook())).toThrow(/malformed message/);
  const noEnd = { ...definitionOf([image]), def: [llb.op.encode(image)] };
  expect(() => decodeDefinition(noEnd, new EdgeBook())).toThrow('no single end');
});

test('a definition is bounded in what it holds and in how deep it is', () => {
  const many = { ...definitionOf([image]), def: Array.from({ length: 20_001 }, () => new Uint8Array()) };
  expect(() => decodeDefinition(many, new EdgeBook())).toThrow('definition of more than 20000 operations');
  const deep = [
    image,
    ...Array.from({ length: 2001 }, (_, at): Op => ({ inputs: [{ digest: String(at) }], merge: { inputs: [{}] } })),
  ];
  expect(() => decode(deep)).toThrow('definition of more than 2000 operations on another');
});

test('whatever bytes a definition is made of, it is decoded or refused', () => {
  const whole = definitionOf([
    image,
    run({ meta: { args: ['a'], env: ['B=c'] }, mounts: [root, { dest: '/c', mountType: 3, cacheOpt: { id: 'c' } }] }),
    {
      inputs: [{ digest: '1' }, { digest: '0' }],
      file: { actions: [{ secondaryInput: 1, copy: { src: '/', dest: '/' } }] },
    },
    { inputs: [{ digest: '2' }, { digest: '1' }], merge: { inputs: [{ input: 0 }, { input: 1 }] } },
  ]);
  const book = new EdgeBook();
  let seed = 7;
  const random = (limit: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return seed % limit;
  };
  for (let round = 0; round < 3000; round++) {
    // The last operation before the end, so that no other names it by its digest: an exec, a file operation or a merge.
    const def: Uint8Array[] = whole.def.slice(0, 3 + (round % 3)).map((bytes) => Uint8Array.from(bytes));
    const victim = def.at(-2) ?? new Uint8Array();
    for (let change = random(4); change >= 0; change--) victim[random(victim.length)] = random(256);
    def[def.length - 1] = llb.op.encode({ inputs: [{ digest: digestOf(victim), index: random(3) }] });
    try {
      decodeDefinition({ ...whole, def }, book);
    } catch (error) {
      expect(error).toBeInstanceOf(EstibaError);
    }
  }
});
