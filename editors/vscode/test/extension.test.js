// The extension's own code, with a stand-in for VS Code: every command, view and provider that the
// manifest names is called as VS Code calls it.

const assert = require('node:assert');
const fs = require('node:fs');
const Module = require('node:module');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const manifest = require('../package.json');

/** What of VS Code's API the extension uses, and what was done with it. */
function editor() {
  const did = { commands: {}, requests: [], said: [], posted: [] };
  const panel = {
    visible: true,
    webview: {
      html: '',
      postMessage: (message) => did.posted.push(message),
      onDidReceiveMessage: (listener) => (did.fromPage = listener),
    },
    reveal: () => (did.revealed = true),
    onDidDispose: (listener) => (did.closePanel = listener),
  };
  const vscode = {
    EventEmitter: class {
      event = () => {};
      fire() {
        did.refreshed = (did.refreshed || 0) + 1;
      }
    },
    TreeItem: class {
      constructor(label) {
        this.label = label;
      }
    },
    ThemeIcon: class {},
    ViewColumn: { Beside: -2 },
    DebugAdapterExecutable: class {
      constructor(command, args) {
        Object.assign(this, { command, args });
      }
    },
    workspace: { getConfiguration: () => ({ get: (name, otherwise) => did.settings?.[name] ?? otherwise }) },
    window: {
      showInformationMessage: (text) => did.said.push(text),
      showErrorMessage: (text) => did.said.push(text),
      showInputBox: async () => did.typed,
      createWebviewPanel: () => panel,
      registerTreeDataProvider: (id, provider) => (did[id] = provider),
    },
    commands: { registerCommand: (name, action) => (did.commands[name] = action) },
    debug: {
      activeDebugSession: undefined,
      registerDebugConfigurationProvider: (type, provider) => (did.configurations = provider),
      registerDebugAdapterDescriptorFactory: (type, factory) => (did.adapters = factory),
      registerDebugAdapterTrackerFactory: (type, factory) => (did.trackers = factory),
    },
  };
  did.vscode = vscode;
  did.panel = panel;
  const load = Module._load;
  Module._load = (name, ...rest) => (name === 'vscode' ? vscode : load(name, ...rest));
  delete require.cache[require.resolve('../src/extension')];
  require('../src/extension').activate({ subscriptions: [] });
  Module._load = load;
  return did;
}

/** A session that answers. */
function debugging(did, answers = {}) {
  did.vscode.debug.activeDebugSession = {
    type: 'blink16',
    customRequest: async (command, body) => {
      did.requests.push([command, body]);
      if (answers[command] instanceof Error) {
        throw answers[command];
      }
      return answers[command] ?? {};
    },
  };
}

test('what the manifest contributes is registered, and nothing else', () => {
  const did = editor();
  const named = manifest.contributes.commands.map(({ command }) => command);
  assert.deepStrictEqual(Object.keys(did.commands).sort(), named.sort());
  for (const { id } of manifest.contributes.views.debug) {
    assert.ok(did[id], id);
  }
});

test('every command without a session says so, and asks nothing', async () => {
  const did = editor();
  did.typed = 'x';
  for (const [name, action] of Object.entries(did.commands)) {
    if (name !== 'blink16.screen') {
      did.said = [];
      await action(name === 'blink16.lastWrite' ? { variable: { name: 'a' } } : 'start');
      assert.deepStrictEqual(did.said, ['No 8086 program is being debugged.'], name);
    }
  }
  assert.deepStrictEqual(did.requests, []);
});

test('commands ask the adapter what they mean', async () => {
  const did = editor();
  const write = { icount: 41, by: 'add+9', before: '00', after: '03' };
  debugging(did, { 'blink16/lastWrite': write, 'blink16/history': { start: 0, end: 90, now: 41, bookmarks: [] } });
  did.vscode.debug.activeStackItem = { threadId: 2, frameId: 7 };
  did.typed = 'b1';
  await did.commands['blink16.seek']();
  await did.commands['blink16.seekTo']('end');
  await did.commands['blink16.bookmark']();
  did.typed = '';
  await did.commands['blink16.bookmark']();
  await did.commands['blink16.stepBackInstruction']();
  await did.commands['blink16.lastWrite']({ variable: { name: 'x', evaluateName: 'where.x' } });
  assert.deepStrictEqual(did.requests, [
    ['blink16/seek', { instant: 'b1' }],
    ['blink16/seek', { instant: 'end' }],
    ['blink16/bookmark', { name: 'b1' }],
    ['blink16/bookmark', {}],
    ['stepBack', { threadId: 2, granularity: 'instruction' }],
    ['blink16/lastWrite', { expression: 'where.x', frameId: 7, go: true }],
  ]);
  const rows = await did['blink16.time'].getChildren();
  const items = rows.map((row) => did['blink16.time'].getTreeItem(row));
  assert.deepStrictEqual(items.map((item) => item.command?.arguments[0]), [undefined, 'start', 'end', '41']);
  assert.match(items[3].label, /^where\.x: 00 → 03$/);
});

test('an input box that is left asks nothing; a refusal is shown', async () => {
  const did = editor();
  debugging(did, { 'blink16/seek': new Error('there is no bookmark x') });
  did.typed = undefined;
  await did.commands['blink16.seek']();
  await did.commands['blink16.bookmark']();
  assert.deepStrictEqual(did.requests, []);
  await did.commands['blink16.seekTo']('x');
  assert.deepStrictEqual(did.said, ['there is no bookmark x']);
});

test('a variable that was never written is said to be so', async () => {
  const did = editor();
  debugging(did, { 'blink16/lastWrite': { icount: null } });
  await did.commands['blink16.lastWrite']({ variable: { name: 'x' } });
  assert.deepStrictEqual(did.said, ['x was never written before now.']);
});

test('the screen shows pictures and types keys, until it is closed', async () => {
  const did = editor();
  debugging(did, { 'blink16/screen': { png: 'AAAA', text: 'A:\\>' } });
  await did.commands['blink16.screen']();
  await new Promise(setImmediate);
  assert.match(did.panel.webview.html, /<img id="screen"/);
  assert.deepStrictEqual(did.posted, [{ png: 'AAAA', text: 'A:\\>' }]);
  await did.fromPage({ key: 'F1', ctrl: false, alt: false });
  assert.deepStrictEqual(did.requests[1], ['blink16/type', { key: 'f1' }]);
  await did.commands['blink16.screen']();
  assert.ok(did.revealed);
  did.closePanel();
});

test('the adapter is started as the settings say', () => {
  const did = editor();
  did.settings = { adapter: ['/venv/bin/blink16-dap', '-x'] };
  const { command, args } = did.adapters.createDebugAdapterDescriptor();
  assert.deepStrictEqual([command, args], ['/venv/bin/blink16-dap', ['-x']]);
});

test('F5 in a source debugs the program beside it; without one the launch.json is opened', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'blink16-'));
  for (const name of ['HELLO.ASM', 'hello.exe', 'lonely.asm', 'prog.c', 'prog']) {
    fs.writeFileSync(path.join(folder, name), '');
  }
  const did = editor();
  const pressed = (name) => {
    did.vscode.window.activeTextEditor = { document: { fileName: path.join(folder, name) } };
    return did.configurations.resolveDebugConfiguration({ uri: { fsPath: folder } }, {});
  };
  assert.strictEqual(pressed('HELLO.ASM').program, path.join(folder, 'hello.exe'));
  assert.strictEqual(pressed('prog.c').program, path.join(folder, 'prog'));
  assert.strictEqual(pressed('hello.exe').program, path.join(folder, 'hello.exe'));
  assert.strictEqual(pressed('lonely.asm'), null);
  fs.rmSync(folder, { recursive: true });
});
