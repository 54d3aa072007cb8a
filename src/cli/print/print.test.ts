import { describe, expect, test } from 'bun:test';
import { alignColumns, ellipsis } from './columns.ts';
import { printInspection } from './inspection.ts';
import { type Listing, printListing } from './listing.ts';
import { printPorts } from './port-ranges.ts';
import { printCalendarTime, printTimestamp } from './times.ts';

interface Row {
  readonly id: string;
  readonly labels: Record<string, string>;
}

const listing: Listing<Row> = {
  type: 'RowContext',
  table: '{{.ID}}\t{{.Name}}',
  fields: {
    ID: { heading: 'ROW ID', text: ({ id }) => id },
    Name: { heading: 'NAME', text: ({ id }) => `name of ${id}` },
  },
  methods: { Label: ({ labels }, name) => labels[String(name)] ?? '' },
};

const rows: Row[] = [
  { id: 'a', labels: { x: '1' } },
  { id: 'a-long-identifier', labels: {} },
];

describe('listings', async () => {
  test('are tables unless told otherwise', async () => {
    const table =
      'ROW ID              NAME\na                   name of a\na-long-identifier   name of a-long-identifier\n';
    expect(await printListing(listing, rows)).toBe(table);
    expect(await printListing(listing, rows, 'table')).toBe(table);
  });

  test('take a template, with headings when it is a table', async () => {
    expect(await printListing(listing, rows, '{{.ID}}:{{.Label "x"}}')).toBe('a:1\na-long-identifier:\n');
    expect(await printListing(listing, rows.slice(0, 1), 'table {{.Name}}\\t{{.Label "x"}}')).toBe(
      'NAME        x\nname of a   1\n',
    );
  });

  test('are JSON, a line for each row', async () => {
    expect(await printListing(listing, rows.slice(0, 1), 'json')).toBe('{"ID":"a","Name":"name of a"}\n');
  });

  test('say what is wrong with a template', async () => {
    await expect(printListing(listing, rows, '{{.Foo}}')).rejects.toThrow(
      'template parsing error: template: :1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.RowContext',
    );
    await expect(printListing(listing, rows, '{{foo}}')).rejects.toThrow(
      'template parsing error: template: :1: function "foo" not defined',
    );
  });
});

test('columns are ten wide at least, and counted in characters', async () => {
  expect(alignColumns(['A\tB', '…\tx'])).toBe('A         B\n…         x\n');
  expect(ellipsis('abcdef', 4)).toBe('abc…');
  expect(ellipsis('abcd', 4)).toBe('abcd');
});

test('inspection prints JSON or a template', async () => {
  const objects = [{ Id: '1', Name: 'x', State: { Running: true } }];
  const print = async (format: string) => (await printInspection(objects, format, { shape: 'container' })).text;
  expect((await printInspection([], '')).text).toBe('[]\n');
  expect((await printInspection([{ a: 1 }], '')).text).toBe('[\n    {\n        "a": 1\n    }\n]\n');
  expect(await print('{{.ID}} {{json .State}}')).toBe('1 {"Running":true}\n');
  expect(await print('{{.Id}}')).toBe('1\n');
  expect(await print('{{if .State.Health}}sick{{else}}none{{end}} {{.State}}')).toBe('none {true <nil>}\n');
  expect(await printInspection(objects, '{{.Foo}}')).toEqual({
    text: '\n',
    failures: ['template parsing error: template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"'],
  });
});

test('neighbouring ports that map to themselves are one range', async () => {
  const port = (IP: string, PrivatePort: number, PublicPort: number, Type = 'tcp') => ({
    IP,
    PrivatePort,
    PublicPort,
    Type,
  });
  expect(
    printPorts([
      port('0.0.0.0', 80, 8088),
      port('::', 80, 8088),
      { PrivatePort: 99, Type: 'tcp' },
      port('0.0.0.0', 7001, 7001),
      port('0.0.0.0', 7000, 7000),
      port('127.0.0.1', 9001, 9001, 'udp'),
    ]),
  ).toBe('99/tcp, 0.0.0.0:7000-7001->7000-7001/tcp, 127.0.0.1:9001->9001/udp, 0.0.0.0:8088->80/tcp, [::]:8088->80/tcp');
});

test('timestamps have nanoseconds where there are some', async () => {
  expect(printTimestamp(Date.UTC(2026, 0, 2, 3, 4, 5), 801_985_829n)).toMatch(
    /^2026-01-0\dT.*\.801985829(Z|[+-]\d\d:\d\d)$/,
  );
});

test('a time of building is a calendar time in UTC', async () => {
  expect(printCalendarTime('2026-09-05T11:02:57.000000000+00:00')).toBe('Sat Sep  5 11:02:57 2026');
  expect(printCalendarTime('unknown')).toBe('unknown');
});
