import { randomInt } from 'node:crypto';
import { fail } from '#std/errors';

const validName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** The name asked for, without its slash; throws `invalid-argument` when Docker would not take it. */
export function checkedName(name: string): string {
  const bare = name.replace(/^\//, '');
  if (!validName.test(bare)) {
    throw fail('invalid-argument', `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  return bare;
}

const manners =
  'able airy ample apt bold brave breezy bright brisk calm civil clear clever cosy crisp dapper deft eager early easy fair fleet fluent fond frank free fresh gentle glad golden grand handy happy hardy honest jaunty jolly keen kind light lively loyal lucid merry mild neat nimble noble patient plain plucky proud quick quiet ready robust serene sharp silent sleek smart snug solid sound spry steady still sturdy sunny sure swift tidy true trusty vivid warm wise witty'.split(
    ' ',
  );
const things =
  'anchor astrolabe ballast barge beacon berth bosun brig bulkhead buoy cabin canal capstan cargo cleat clipper coaster compass cove crane current cutter davit dinghy dock dory fender ferry fjord galleon galley gangway gull gunwale halyard harbour hatch hawser helm hold hull inlet jetty keel kelp ketch lagoon lantern ledger lighthouse locker logbook longboat lugger manifest mast mooring oar packet pennant pier pilot pinnace porthole prow quay rigging rudder sail schooner sextant shackle shoal skiff sloop spar stern stevedore tackle tide tiller trawler tug wharf winch windlass yawl'.split(
    ' ',
  );

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? '';
}

/** A name of two words that `isTaken` does not know, with a number behind it once free pairs get rare. */
export function randomName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt += 1) {
    const name = `${pick(manners)}_${pick(things)}${attempt < 6 ? '' : randomInt(10 ** Math.min(attempt - 5, 9))}`;
    if (!isTaken(name)) return name;
  }
}
