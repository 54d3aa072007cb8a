import { beforeAll, expect, test } from 'bun:test';
import { runScenario } from '../testing/scenario.ts';

interface Answers {
  readonly cases: readonly { what: string; foretold?: string; because: string; answer?: string }[];
  readonly pinged: readonly boolean[];
  readonly reached: string;
  readonly stolen: string;
  readonly hosts: readonly string[];
}

let answers: Answers;

beforeAll(async () => {
  answers = await runScenario<Answers>('walls.ts');
}, 60_000);

/** Who answers, and the address of the client that it sees; `nobody` where nothing does. */
function answerOf(what: string): string {
  const found = answers.cases.find((one) => one.what === what);
  if (found === undefined) throw new Error(`${what} was not asked`);
  return found.answer ?? 'nobody';
}

test('what is foretold of a packet is what becomes of it, in hundreds of cases', () => {
  const wrong = answers.cases.filter(({ foretold, answer }) => foretold !== answer?.split(' ')[0]);
  expect(wrong).toEqual([]);
  expect(answers.cases.length).toBeGreaterThan(900);
  expect(answers.cases.filter(({ answer }) => answer !== undefined).length).toBeGreaterThan(400);
});

test.each([
  // Networks do not reach each other, not even at published ports.
  ['other2 -> 10.1.0.2:80', 'nobody'],
  ['other2 -> 10.1.0.2:81', 'nobody'],
  ['other2 -> [fd00:1::2]:80', 'nobody'],
  ['open2 -> 10.1.0.2:80', 'nobody'],
  ['routed2 -> 10.1.0.2:80', 'nobody'],
  ['other2 -> 10.3.0.2:81', 'nobody'],
  // Within one they do.
  ['nat3 -> 10.1.0.2:81', 'nat2:81 10.1.0.3'],
  ['nat3 -> [fd00:1::2]:81', 'nat2:81 fd00:1::3'],
  // By an address of the host, a published port is reached from another network too.
  ['other2 -> 198.51.100.1:8000', 'nat2:80 10.1.0.1'],
  ['other2 -> [2001:db8:100::1]:8000', 'nat2:80 fd00:1::1'],
  // A container reaches its own published port.
  ['nat2 -> 198.51.100.1:8000', 'nat2:80 10.1.0.1'],
  ['nat2 -> [2001:db8:100::1]:8000', 'nat2:80 fd00:1::1'],
  // So does the host, by each of its addresses.
  ['host -> 127.0.0.1:8000', 'nat2:80 10.1.0.1'],
  ['host -> [::1]:8000', 'nat2:80 fd00:1::1'],
  ['host -> 198.51.100.1:8000', 'nat2:80 198.51.100.1'],
  ['host -> 10.1.0.2:81', 'nat2:81 10.1.0.1'],
  // And the world, whose address is kept.
  ['world -> 198.51.100.1:8000', 'nat2:80 198.51.100.2'],
  ['world -> [2001:db8:100::1]:8000', 'nat2:80 2001:db8:100::2'],
  // To the world a container without IPv6 has the forwarder.
  ['world -> [2001:db8:100::1]:8010', 'plain2:80 10.6.0.1'],
  ['host -> [::1]:8010', 'plain2:80 10.6.0.1'],
  // From outside containers are not reached by their own addresses,
  ['world -> 10.1.0.2:80', 'nobody'],
  ['world -> 10.1.0.2:81', 'nobody'],
  ['world -> [fd00:1::2]:80', 'nobody'],
  // save by a trusted interface at what is published,
  ['friend -> 10.2.0.2:80', 'other2:80 198.51.101.2'],
  ['friend -> [fd00:2::2]:80', 'other2:80 2001:db8:101::2'],
  ['friend -> 10.2.0.2:81', 'nobody'],
  ['friend -> 10.1.0.2:80', 'nobody'],
  // in a network without protection,
  ['world -> 10.3.0.2:81', 'open2:81 198.51.100.2'],
  // and in a routed one at what is published there.
  ['world -> 10.4.0.2:80', 'routed2:80 198.51.100.2'],
  ['world -> [fd00:4::2]:80', 'routed2:80 2001:db8:100::2'],
  ['other2 -> 10.4.0.2:80', 'routed2:80 10.2.0.2'],
  ['world -> 10.4.0.2:81', 'nobody'],
  // Of an internal network nothing leaves, and nothing enters.
  ['internal2 -> 198.51.100.2:9000', 'nobody'],
  ['internal2 -> 10.1.0.2:80', 'nobody'],
  ['internal2 -> 198.51.100.1:8000', 'nobody'],
  ['internal2 -> 10.5.0.1:8000', 'nobody'],
  ['internal2 -> [fd00:5::1]:8000', 'nobody'],
  ['internal2 -> [fd00:5::1]:8010', 'nobody'],
  ['nat2 -> [fd00:5::1]:8010', 'plain2:80 10.6.0.1'],
  ['world -> 10.5.0.2:80', 'nobody'],
  ['nat2 -> 10.5.0.2:80', 'nobody'],
  ['internal3 -> 10.5.0.2:81', 'internal2:81 10.5.0.3'],
  // Containers that are kept apart are so, but for what is published.
  ['apart3 -> 10.7.0.2:80', 'nobody'],
  ['apart3 -> [fd00:7::2]:80', 'nobody'],
  ['apart3 -> 198.51.100.1:8012', 'apart2:80 10.7.0.1'],
  // A port that is bound to loopback is the host's own.
  ['host -> 127.0.0.1:8100', 'nat2:82 10.1.0.1'],
  ['world -> 198.51.100.1:8100', 'nobody'],
  ['nat3 -> 198.51.100.1:8100', 'nobody'],
  ['host -> [::1]:8200', 'nat2:82 fd00:1::1'],
  ['world -> [2001:db8:100::1]:8200', 'nobody'],
  // What leaves has an address of the host, unless the network is not to be hidden.
  ['nat2 -> 198.51.100.2:9000', 'world 198.51.100.1'],
  ['plain2 -> 198.51.100.2:9000', 'world 10.6.0.2'],
  ['routed2 -> 198.51.100.2:9000', 'world 10.4.0.2'],
])('%s is answered by %s', (what, answer) => {
  expect(answerOf(what)).toBe(answer);
});

test('ping: from the host, within a network, and into a routed one; nowhere else', () => {
  expect(answers.pinged).toEqual([true, true, true, true, true, false, false, false]);
});

test('a neighbour that routes 127.0.0.1 to the host does not reach what is bound there', () => {
  expect(answers.reached).toContain('host 198.51.100.2');
  expect(answers.stolen).not.toContain('nat2');
});

test('a container of an internal network reaches the host itself', () => {
  expect(answers.hosts).toEqual(['host 10.5.0.2', 'host fd00:5::2']);
});
