// The adapter through VS Code's own test client.  $BLINK16_DAP is its command; $BLINK16_SAMPLES a
// folder with the programs that are named here, and their sources (tests/test_vscode.py makes it).

const assert = require('node:assert');
const path = require('node:path');
const { afterEach, beforeEach, describe, test } = require('node:test');
const { DebugClient } = require('@vscode/debugadapter-testsupport');

const ADAPTER = process.env.BLINK16_DAP || 'blink16-dap';
const FOLDER = process.env.BLINK16_SAMPLES;
const CALL = Number(process.env.BLINK16_NASM_CALL);
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

  const frames = async (threadId = 1) => (await client.stackTraceRequest({ threadId })).body.stackFrames;
  const value = async (expression, frameId) =>
    (await client.evaluateRequest({ expression, frameId, context: 'watch' })).body.result;
  const continued = (reason) =>
    Promise.all([client.continueRequest({ threadId: 1 }), client.assertStoppedLocation(reason, {})]);

  test("nasm's DWARF has lines, in both directions", async () => {
    const arguments_ = launch('count.img', { symbols: ['count.elf'] });
    await client.hitBreakpoint(arguments_, { path: path.join(FOLDER, process.env.BLINK16_NASM_SOURCE), line: CALL });
    await Promise.all([client.nextRequest({ threadId: 1 }), client.assertStoppedLocation('step', { line: CALL + 1 })]);
    await Promise.all([client.stepBackRequest({ threadId: 1 }), client.assertStoppedLocation('breakpoint', { line: CALL })]);
    await Promise.all([client.stepInRequest({ threadId: 1 }), client.waitForEvent('stopped')]);
    assert.deepStrictEqual((await frames()).slice(0, 2).map((frame) => frame.name), ['countdown', 'main']);
  });

  test('a program of bcc for ELKS has names, frames and a status', async () => {
    const initialized = client.waitForEvent('initialized').then(async () => {
      await client.setFunctionBreakpointsRequest({ breakpoints: [{ name: 'add' }] });
      await client.configurationDoneRequest();
    });
    await Promise.all([
      initialized,
      client.launch(launch('sum', { stopOnExit: true })),
      client.assertStoppedLocation('function breakpoint', {}),
    ]);
    const [add, main] = await frames();
    assert.deepStrictEqual([add.name, main.name], ['add', 'main']);
    assert.strictEqual(await value('total', add.id), '0');
    await client.setFunctionBreakpointsRequest({ breakpoints: [] });
    await Promise.all([client.stepOutRequest({ threadId: 1 }), client.waitForEvent('stopped')]);
    assert.strictEqual((await frames())[0].name, 'main');
    await continued('exit');
    await Promise.all([client.reverseContinueRequest({ threadId: 1 }), client.assertStoppedLocation('history start', {})]);
  });

  test('a program that DOS loads later stops at its line', async () => {
    const location = { path: path.join(FOLDER, 'TWICE.ASM'), line: 19 };
    const initialized = client.waitForEvent('initialized').then(async () => {
      const { body } = await client.setBreakpointsRequest({ source: location, breakpoints: [location] });
      assert.strictEqual(body.breakpoints[0].verified, false);
      await client.configurationDoneRequest();
    });
    await Promise.all([
      initialized,
      client.launch(launch('PARENT.COM', { stopOnExit: true })),
      client.assertStoppedLocation('breakpoint', { line: 19 }),
    ]);
    assert.deepStrictEqual((await frames()).slice(0, 2).map((frame) => frame.name), ['TWICE', 'MAIN']);
    await continued('exit');
  });

  test('a child that a program of ELKS forks stops at its line', async () => {
    const arguments_ = launch('crew', { args: ['anna', 'bert'], symbols: ['crew.lst'], stopOnExit: true });
    const stopped = client.waitForEvent('stopped');
    await client.hitBreakpoint(arguments_, { path: path.join(FOLDER, 'crew.c'), line: 51 });
    const { threadId } = (await stopped).body;
    const { threads } = (await client.threadsRequest()).body;
    assert.ok(threads.length >= 2 && threads.some((thread) => thread.id === threadId && thread.id !== 1));
    assert.strictEqual((await frames(threadId))[0].name, 'count_letters');
  });

  test('a booted disk is paused, read, typed into and stepped back', async () => {
    await Promise.all([client.configurationSequence(), client.launch(launch('freedos.img'))]);
    const deadline = Date.now() + TIMEOUT;
    let screen = '';
    while (!screen.includes('A:\\>') && Date.now() < deadline) {
      await new Promise((done) => setTimeout(done, 500));
      screen = (await client.customRequest('blink16/screen')).body.text || '';
    }
    assert.match(screen, /A:\\>/);
    await Promise.all([client.pauseRequest({ threadId: 1 }), client.assertStoppedLocation('pause', {})]);
    const before = (await client.customRequest('blink16/history')).body.now;
    await Promise.all([
      client.stepBackRequest({ threadId: 1, granularity: 'instruction' }),
      client.assertStoppedLocation('step', {}),
    ]);
    assert.ok((await client.customRequest('blink16/history')).body.now < before);
    const { body } = await client.disassembleRequest({
      memoryReference: (await frames())[0].instructionPointerReference,
      instructionOffset: -10,
      instructionCount: 40,
    });
    assert.strictEqual(body.instructions.length, 40);
  });
});
