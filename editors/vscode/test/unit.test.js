// What is shown and typed, without an editor.

const assert = require('node:assert');
const { test } = require('node:test');
const { adapterCommand, resolved } = require('../src/configuration');
const { page, typed } = require('../src/screen');
const { bar, count, rows } = require('../src/time');
const manifest = require('../package.json');

const HISTORY = { start: 0, end: 1000, now: 500, bookmarks: [{ name: 'b1', icount: 500 }] };

test('the bar has the present where it is', () => {
  assert.strictEqual(bar(HISTORY).indexOf('●'), 10);
  assert.strictEqual(bar({ ...HISTORY, now: 1000 }).indexOf('●'), 19);
  assert.strictEqual(bar({ start: 5, end: 5, now: 5 }).indexOf('●'), 0);
});

test('counts are parted for reading', () => {
  assert.strictEqual(count(1234567), '1 234 567');
});

test('bookmarks and last writes can be gone to', () => {
  const writes = [
    { name: 'total', icount: 41, by: 'add+9', before: '0000', after: '0300' },
    { name: 'never', icount: null },
  ];
  const found = rows(HISTORY, writes);
  assert.deepStrictEqual(found.map((row) => row.instant), [undefined, 'start', 'end', 'b1', '41', undefined]);
  assert.match(found[3].description, /here/);
  assert.match(found[4].label, /0000 → 0300/);
});

test('a configuration keeps the past of a program that ends', () => {
  const made = resolved('/home/me', { type: 'blink16', request: 'launch', program: 'A.EXE' });
  assert.deepStrictEqual([made.cwd, made.stopOnExit], ['/home/me', true]);
  assert.strictEqual(resolved('/x', { type: 'blink16', request: 'attach', stopOnExit: false }).stopOnExit, false);
  assert.strictEqual(resolved('/x', {}, '/x/A.COM').program, '/x/A.COM');
  assert.strictEqual(resolved('/x', {}, '/x/a.txt'), null);
});

test('the adapter is the command of the settings', () => {
  assert.deepStrictEqual(adapterCommand(['python', '-m', 'x']), { command: 'python', args: ['-m', 'x'] });
  assert.strictEqual(adapterCommand(undefined).command, 'blink16-dap');
  assert.strictEqual(adapterCommand([]).command, 'blink16-dap');
});

test('keys of the page are keys of the machine', () => {
  assert.deepStrictEqual(typed('a', false, false), { text: 'a' });
  assert.deepStrictEqual(typed('Enter', false, false), { text: '\n' });
  assert.deepStrictEqual(typed('Delete', true, true), { key: 'ctrl-alt-del' });
  assert.deepStrictEqual(typed('F1', false, false), { key: 'f1' });
  assert.strictEqual(typed('Dead', false, false), undefined);
});

test('the page runs no script but its own', () => {
  assert.match(page('abc'), /script-src 'nonce-abc'/);
});

test('every command of the manifest is there', () => {
  const source = require('fs').readFileSync(require.resolve('../src/extension'), 'utf8');
  for (const { command } of manifest.contributes.commands) {
    assert.ok(source.includes(`'${command}'`), command);
  }
});
