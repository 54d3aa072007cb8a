import type { EventMessage, Filters } from '#api';

type Matcher = (event: EventMessage, value: string) => boolean;

function actorIs(type: string): Matcher {
  return ({ Type, Actor }, value) =>
    Type === type && (Actor.ID === value || Actor.ID.startsWith(value) || Actor.Attributes.name === value);
}

/** An image may be named by its id, its reference with tag, or without. */
function imageIs({ Type, Actor, from }: EventMessage, value: string): boolean {
  const names = [Type === 'image' ? Actor.ID : undefined, Actor.Attributes.name, Actor.Attributes.image, from];
  return names.some((name) => name !== undefined && (name === value || name.replace(/:[^:/]*$/, '') === value));
}

function labelIs({ Actor }: EventMessage, value: string): boolean {
  const [key = '', expected] = value.split(/=(.*)/s);
  const actual = Actor.Attributes[key];
  return actual !== undefined && (expected === undefined || actual === expected);
}

/** One matcher a filter of `GET /events`; a filter matches when any of its values does, an event when all filters do. */
const matchers: Readonly<Record<string, Matcher>> = {
  type: ({ Type }, value) => Type === value,
  event: ({ Action }, value) => Action === value || Action.startsWith(`${value}:`),
  scope: ({ scope }, value) => scope === value,
  label: labelIs,
  container: actorIs('container'),
  image: imageIs,
  volume: actorIs('volume'),
  network: actorIs('network'),
  daemon: actorIs('daemon'),
  plugin: actorIs('plugin'),
  node: actorIs('node'),
  service: actorIs('service'),
  secret: actorIs('secret'),
  config: actorIs('config'),
};

/** Builds the test that an event must pass. Docker ignores filters that it does not know here, so this does too. */
export function eventFilter(filters: Filters): (event: EventMessage) => boolean {
  const tests = [...filters].flatMap(([name, values]) => {
    const matcher = matchers[name];
    if (matcher === undefined) return [];
    // Labels narrow, as Docker has it: an event must carry all that are asked for.
    return name === 'label'
      ? [(event: EventMessage) => values.every((value) => matcher(event, value))]
      : [(event: EventMessage) => values.some((value) => matcher(event, value))];
  });
  return (event) => tests.every((test) => test(event));
}
