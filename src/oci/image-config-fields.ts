import { fail } from '#std/errors';

/** Whether a JSON value is an object, and no list. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a field holds, as Go writes types: Docker's users know its words. */
type Shape =
  | 'string'
  | 'bool'
  | 'int'
  | 'int64'
  | 'time.Time'
  | 'struct {}'
  | { readonly list: Shape }
  /** A list of texts, or one text in place of it. */
  | 'strslice.StrSlice'
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>>; readonly name: string };

const texts = { list: 'string' } as const;

const healthcheck: Shape = {
  name: 'container.HealthConfig',
  fields: {
    Test: texts,
    Interval: 'int64',
    Timeout: 'int64',
    StartPeriod: 'int64',
    StartInterval: 'int64',
    Retries: 'int',
  },
};

const config: Shape = {
  name: 'container.Config',
  fields: {
    Hostname: 'string',
    Domainname: 'string',
    User: 'string',
    AttachStdin: 'bool',
    AttachStdout: 'bool',
    AttachStderr: 'bool',
    ExposedPorts: { map: 'struct {}' },
    Tty: 'bool',
    OpenStdin: 'bool',
    StdinOnce: 'bool',
    Env: texts,
    Cmd: 'strslice.StrSlice',
    Healthcheck: healthcheck,
    ArgsEscaped: 'bool',
    Image: 'string',
    Volumes: { map: 'struct {}' },
    WorkingDir: 'string',
    Entrypoint: 'strslice.StrSlice',
    NetworkDisabled: 'bool',
    MacAddress: 'string',
    OnBuild: texts,
    Labels: { map: 'string' },
    StopSignal: 'string',
    StopTimeout: 'int',
    Shell: 'strslice.StrSlice',
  },
};

const history: Shape = {
  name: 'image.History',
  fields: {
    created: 'time.Time',
    author: 'string',
    created_by: 'string',
    comment: 'string',
    empty_layer: 'bool',
  },
};

/** An image's configuration (OCI image specification, config, with Docker's fields). */
const image: Shape = {
  name: 'image.Image',
  fields: {
    created: 'time.Time',
    author: 'string',
    architecture: 'string',
    variant: 'string',
    os: 'string',
    comment: 'string',
    docker_version: 'string',
    config,
    history: { list: history },
  },
};

function nameOf(shape: Shape): string {
  if (typeof shape === 'string') return shape;
  if ('list' in shape) return `[]${nameOf(shape.list)}`;
  return 'map' in shape ? `map[string]${nameOf(shape.map)}` : shape.name;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function checkTime(value: string): void {
  if (value === '' || (rfc3339.test(value) && !Number.isNaN(Date.parse(value)))) return;
  const shown = JSON.stringify(value.slice(0, 100));
  throw fail('invalid-argument', `parsing time ${shown} as "2006-01-02T15:04:05Z07:00": cannot parse ${shown}`);
}

const fits: Readonly<Record<Extract<Shape, string>, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  'time.Time': (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  int: Number.isSafeInteger,
  // Nanoseconds may be more than a number holds exactly.
  int64: Number.isInteger,
  'struct {}': isJsonObject,
  'strslice.StrSlice': (value) => typeof value === 'string' || Array.isArray(value),
};

function check(value: unknown, shape: Shape, path: string): void {
  // As in Go a null leaves a field as it was; within a list or a map nobody writes one.
  if (value === undefined) return;
  const wrong = (): Error =>
    fail(
      'invalid-argument',
      `json: cannot unmarshal ${kindOf(value)} into Go struct field ${path} of type ${nameOf(shape)}`,
    );
  if (typeof shape === 'string') {
    if (!fits[shape](value)) throw wrong();
    if (shape === 'time.Time') checkTime(value as string);
    if (shape === 'strslice.StrSlice' && Array.isArray(value)) check(value, texts, path);
  } else if ('list' in shape) {
    if (!Array.isArray(value)) throw wrong();
    for (const [index, item] of value.entries()) check(item, shape.list, `${path}.${index}`);
  } else {
    if (!isJsonObject(value)) throw wrong();
    const entries: (readonly [string, Shape])[] =
      'map' in shape ? Object.keys(value).map((key) => [key, shape.map]) : Object.entries(shape.fields);
    for (const [key, item] of entries) {
      if ('map' in shape || value[key] !== null) check(value[key], item, `${path}.${key}`);
    }
  }
}

/** Throws `invalid-argument`, in Docker's words, where a field of an image's configuration is of another type than it must be. */
export function checkImageFields(file: Record<string, unknown>): void {
  check(file, image, 'Image');
}
