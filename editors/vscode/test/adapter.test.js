// The adapter through VS Code's own test client.  $BLINK16_DAP is its command; $BLINK16_SAMPLES a
// folder with COUNT.EXE and TWICE.EXE and their sources.

const assert = require('node:assert');
const path = require('node:path');
const { afterEach, beforeEach, describe, test } = require('node:test');
const { DebugClient } = require('@vscode/debugadapter-testsupport');

const ADAPTER = process.env.BLINK16_DAP || 'blink16-dap';
const FOLDER = process.env.BLINK16_SAMPLES;
const TIMEOUT = 60_000;

describe('blink16-dap', { skip: FOLDER ? false : 'BLINK16_SAMPLES is not set' }, () => {
  let client;

  beforeEach(async () => {
    client = new DebugClient('env', ADAPTER, 'blink16');
    client.defaultTimeout = TIMEOUT;
    await client.start();
  });

  afterEach(() => client.stop());

  const launch = (program, more = {}) => ({ program, cwd: FOLDER, ...more });

  test('a program runs to its end', () =>
    Promise.all([client.configurationSequence(), client.launch(launch('COUNT.EXE')), client.waitForEvent('terminated')]));

  test('a program stops on entry', () =>
    Promise.all([
      client.configurationSequence(),
      client.launch(launch('COUNT.EXE', { stopOnEntry: true })),
      client.assertStoppedLocation('entry', {}),
    ]));

  for (const [program, source, line] of [
    ['COUNT.EXE', 'COUNT.C', 11],
    ['TCOUNT.EXE', 'COUNT.C', 11],
    ['TWICE.EXE', 'TWICE.ASM', 19],
    ['TTWICE.EXE', 'TWICE.ASM', 19],
  ]) {
    test(`a breakpoint in ${source} stops ${program}`, async () => {
      const location = { path: path.join(FOLDER, source), line };
      await client.hitBreakpoint(launch(program), location);
      await Promise.all([client.nextRequest({ threadId: 1 }), client.assertStoppedLocation('step', { line: line + 1 })]);
      await Promise.all([client.stepBackRequest({ threadId: 1 }), client.waitForEvent('stopped')]);
      const { body } = await client.stackTraceRequest({ threadId: 1 });
      assert.strictEqual(body.stackFrames[0].line, line);
    });
  }

  test('a line is stepped into, out of, and variables are seen', async () => {
    await client.hitBreakpoint(launch('COUNT.EXE'), { path: path.join(FOLDER, 'COUNT.C'), line: 21 });
    await Promise.all([client.stepInRequest({ threadId: 1 }), client.assertStoppedLocation('step', { line: 11 })]);
    const { body } = await client.stackTraceRequest({ threadId: 1 });
    const scopes = await client.scopesRequest({ frameId: body.stackFrames[0].id });
    const locals = scopes.body.scopes.find((scope) => scope.name === 'Locals');
    const { body: shown } = await client.variablesRequest({ variablesReference: locals.variablesReference });
    assert.deepStrictEqual(shown.variables.slice(0, 2).map((v) => [v.name, v.value]), [['a', '0'], ['b', '3']]);
    await Promise.all([client.stepOutRequest({ threadId: 1 }), client.assertStoppedLocation('step', { line: 21 })]);
  });

  test('output arrives', () =>
    Promise.all([
      client.configurationSequence(),
      client.launch(launch('TWICE.EXE')),
      client.assertOutput('stdout', '42'),
      client.waitForEvent('exited'),
    ]));
});
