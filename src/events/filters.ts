import type { EventMessage, Filters, filterNames } from '#api';

type Matcher = (event: EventMessage, value: string) => boolean;

/** An object by the beginning of its id or of its name; Docker does not ask what kind of object it is. */
const actorIs: Matcher = ({ Actor }, value) =>
  Actor.ID.startsWith(value) || (Actor.Attributes.name ?? '').startsWith(value);

function withoutTag(reference: string): string {
  return reference.replace(/:[^:/]*$/, '');
}

/** An image by its id or its reference, with the tag or without; containers by the image that they were made from. */
const imageIs: Matcher = ({ Type, Actor }, value) => {
  const name = (Type === 'image' ? Actor.Attributes.name : Actor.Attributes.image) ?? '';
  return [Actor.ID, name, withoutTag(Actor.ID), withoutTag(name)].includes(value);
};

const labelIs: Matcher = ({ Actor }, value) => {
  const [key = '', expected] = value.split(/=(.*)/s);
  const actual = Actor.Attributes[key];
  return actual !== undefined && (expected === undefined || actual === expected);
};

/** One matcher a filter of `GET /events`; a filter matches when any of its values does, an event when all filters do. */
const matchers: Readonly<Record<(typeof filterNames.events)[number], Matcher>> = {
  type: ({ Type }, value) => Type === value,
  event: ({ Action }, value) => Action === value,
  scope: ({ scope }, value) => scope === value,
  label: labelIs,
  container: actorIs,
  image: imageIs,
  volume: actorIs,
  network: actorIs,
  daemon: actorIs,
  plugin: actorIs,
  node: actorIs,
  service: actorIs,
  secret: actorIs,
  config: actorIs,
};

/** Actions that carry more behind a colon: who asks for one of them by its first word gets all that begin so. */
const openActions = ['health_status', 'exec_create', 'exec_start'];

function matcherOf(name: string, values: readonly string[]): Matcher | undefined {
  if (name === 'event' && values.some((value) => openActions.includes(value))) {
    return ({ Action }, value) => Action.startsWith(value);
  }
  return Object.hasOwn(matchers, name) ? matchers[name as keyof typeof matchers] : undefined;
}

/** Builds the test that an event must pass. Docker ignores filters that it does not know here, so this does too. */
export function eventFilter(filters: Filters): (event: EventMessage) => boolean {
  const tests = [...filters].flatMap(([name, values]) => {
    const matcher = matcherOf(name, values);
    if (matcher === undefined) return [];
    // Labels narrow, as Docker has it: an event must carry all that are asked for.
    return name === 'label'
      ? [(event: EventMessage) => values.every((value) => matcher(event, value))]
      : [(event: EventMessage) => values.some((value) => matcher(event, value))];
  });
  return (event) => tests.every((test) => test(event));
}
