import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPasswordFile } from './password-file.ts';
import { passwordCheck } from './passwords.ts';

/** A bcrypt that counts its calls and answers when it is told. */
function counted() {
  const calls: string[] = [];
  const answers: ((matched: boolean) => void)[] = [];
  const verify = (_: unknown, hash: string): Promise<boolean> => {
    calls.push(hash);
    return new Promise((resolve) => answers.push(resolve));
  };
  return { calls, answers, check: passwordCheck(verify as typeof Bun.password.verify) };
}

test('a password is compared once, however many ask; what did not match is compared again', async () => {
  const { calls, answers, check } = counted();
  const asked = Array.from({ length: 50 }, () => check.matches('secret', 'hash'));
  answers.shift()?.(true);
  expect(new Set(await Promise.all(asked))).toEqual(new Set([true]));
  expect(await check.matches('secret', 'hash')).toBe(true);
  expect(calls).toHaveLength(1);
  for (const times of [2, 3]) {
    const wrong = check.matches('guess', 'hash');
    answers.shift()?.(false);
    expect([await wrong, calls.length]).toEqual([false, times]);
  }
  // The same password with another hash is another question.
  const other = check.matches('secret', 'changed');
  answers.shift()?.(false);
  expect(await other).toBe(false);
});

test('guesses wait in line, and beyond some hundred are sent away', async () => {
  const { calls, answers, check } = counted();
  const asked = Array.from({ length: 400 }, (_, index) =>
    check.matches(`guess ${index}`, 'hash').then(String, (error: Error) => error.message),
  );
  const sentAway = (await Promise.all(asked.slice(300))).filter((outcome) => outcome === 'too many logins at once');
  expect(sentAway).toHaveLength(100);
  expect(calls.length).toBeLessThan(100);
  let given = 0;
  while (answers.length > 0) {
    answers.shift()?.(false);
    given += 1;
    await Promise.resolve().then(() => new Promise((resolve) => setImmediate(resolve)));
  }
  expect(given).toBe(calls.length);
  expect((await Promise.all(asked)).filter((outcome) => outcome === 'false')).toHaveLength(given);
});

test('an unknown user costs as much as the costliest known one', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'estiba-passwords-'));
  try {
    const hash = (cost: string): string => `$2y$${cost}$${'a'.repeat(53)}`;
    writeFileSync(join(directory, 'htpasswd'), `alice:${hash('05')}\nbob:${hash('11')}\n`);
    const { calls, answers, check } = counted();
    const file = openPasswordFile(join(directory, 'htpasswd'), check);
    const asked = file.matches('nobody', 'x');
    // Even if the decoy matched, nobody would be let in.
    answers.shift()?.(true);
    expect(await asked).toBe(false);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatch(/^\$2y\$11\$[./A-Za-z0-9]{53}$/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
