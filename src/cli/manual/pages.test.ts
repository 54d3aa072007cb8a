import { expect, test } from 'bun:test';
import { isShown } from '../grammar/entry.ts';
import { catalogue } from '../table/index.ts';
import { manualPages } from './pages.ts';
import { bold, escaped } from './roff.ts';

const pages = await manualPages({ name: 'estiba', version: '1.2.3' }, catalogue);

test('every command has a page with its usage and each of its flags', async () => {
  for (const entry of catalogue.entries.filter(isShown)) {
    const command = await entry.load?.();
    const path = ['estiba', entry.group, entry.name].filter((word) => word !== '');
    const page = pages.get(`${path.join('-')}.1`) ?? '';
    expect(page).toContain(bold(path.join(' ')));
    expect(page).toContain(escaped(entry.summary));
    for (const [name, flag] of Object.entries(command?.flags ?? {})) {
      if (flag.hidden !== true) expect(page).toContain(bold(`--${name}`));
    }
    if (entry.flat !== undefined) expect(pages.has(`estiba-${entry.flat}.1`)).toBe(true);
  }
  expect(pages.get('estiba-run.1')).toBe('.so man1/estiba-container-run.1\n');
});

test('the page of the program tells every command, and that of a group those in it', () => {
  const main = pages.get('estiba.1') ?? '';
  for (const entry of catalogue.entries.filter(isShown))
    if (entry.flat) expect(main).toContain(`\n${bold(entry.flat)}\n`);
  for (const group of Object.keys(catalogue.groups)) expect(main).toContain(bold(`estiba-${group}`));
  expect(pages.get('estiba-volume.1')).toContain(`${bold('estiba-volume-create')}(1)`);
  expect([...pages.keys()].filter((name) => name.includes('__'))).toEqual([]);
});

test('every reference is to a page that there is, and every request is one of man pages', () => {
  for (const page of pages.values()) {
    for (const [, name = ''] of page.matchAll(/\\fB([^\\\n]*(?:\\-[^\\\n]*)*)\\fR\(1\)/g)) {
      expect(pages.has(`${name.replaceAll('\\-', '-')}.1`)).toBe(true);
    }
    for (const line of page.split('\n')) expect(line).toMatch(/^(?:\.(?:TH|SH|TP|PP|br|nf|fi|nh|ad|so)\b|(?![.'])|$)/);
  }
});

test('text that would be a request, or an escape, is text', () => {
  expect(escaped(".hidden\n'quoted\na\\b-c")).toBe("\\&.hidden\n\\&'quoted\na\\eb\\-c");
});
