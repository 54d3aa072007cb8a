import { hostname } from 'node:os';
import { shortId } from '#std/identifiers';
import { type ContainerRecord, commandLine } from '../record.ts';
import { badOption } from './option-values.ts';

/** Docker cuts image ids like container ids, prefix and all. */
const imageIdLength = 12;

/** What a template may name of a container. */
const fields: Readonly<Record<string, (record: ContainerRecord) => string>> = {
  ID: ({ id }) => shortId(id),
  FullID: ({ id }) => id,
  Name: ({ name }) => name,
  ImageID: ({ imageId }) => imageId.slice(0, imageIdLength),
  ImageFullID: ({ imageId }) => imageId,
  ImageName: ({ config }) => config.Image,
  Command: (record) => {
    const { path, args } = commandLine(record);
    return [path, ...args].join(' ');
  },
  DaemonName: () => 'docker',
  Hostname: () => hostname(),
};

/** One piece of a template: text, or a field of a container. */
type Piece = string | ((record: ContainerRecord) => string);

function fieldOf(action: string, at: number): Piece {
  const name = /^\s*\.(\w+)\s*$/.exec(action)?.[1];
  const label = /^\s*index\s+\.ContainerLabels\s+"([^"\\]*)"\s*$/.exec(action)?.[1];
  if (label !== undefined) return ({ config }) => config.Labels?.[label] ?? '';
  if (name === undefined) throw badOption(`template: log-tag:1: {{${action}}} is not supported`);
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field !== undefined) return field;
  const column = at + action.indexOf('.');
  throw badOption(
    `template: log-tag:1:${column}: executing "log-tag" at <.${name}>: can't evaluate field ${name} in type *logger.Info`,
  );
}

/** Takes a tag's template apart, `{{.Name}}/{{.ID}}`; throws in the words of Go's templates. */
function parseTag(template: string): Piece[] {
  const pieces: Piece[] = [];
  let position = 0;
  for (;;) {
    const start = template.indexOf('{{', position);
    if (start === -1) return [...pieces, template.slice(position)];
    const end = template.indexOf('}}', start);
    if (end === -1) throw badOption('template: log-tag:1: unclosed action');
    pieces.push(template.slice(position, start), fieldOf(template.slice(start + 2, end), start + 2));
    position = end + 2;
  }
}

/** Throws when a tag is none. */
export function checkTag(template: string | undefined): void {
  if (template !== undefined) parseTag(template);
}

/** The tag of a container's lines. */
export function tagOf(record: ContainerRecord, template: string): string {
  return parseTag(template)
    .map((piece) => (typeof piece === 'string' ? piece : piece(record)))
    .join('');
}
