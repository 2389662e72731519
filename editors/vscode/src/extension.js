// blink16 in VS Code: the adapter is a command of the Python package; what is here shows the past
// and the screen.

const crypto = require('crypto');
const vscode = require('vscode');
const { adapterCommand, resolved } = require('./configuration');
const { page, typed } = require('./screen');
const { rows } = require('./time');

const TYPE = 'blink16';

function settings() {
  return vscode.workspace.getConfiguration(TYPE);
}

/** The session of ours that the user looks at; a message if there is none. */
function session() {
  const active = vscode.debug.activeDebugSession;
  if (active?.type === TYPE) {
    return active;
  }
  vscode.window.showInformationMessage('No 8086 program is being debugged.');
  return undefined;
}

async function ask(command, body = {}) {
  const active = session();
  try {
    return active && (await active.customRequest(command, body));
  } catch (error) {
    vscode.window.showErrorMessage(error.message);
    return undefined;
  }
}

/** The view "Time". */
class TimeView {
  constructor() {
    this.changed = new vscode.EventEmitter();
    this.onDidChangeTreeData = this.changed.event;
    this.writes = [];
  }

  refresh() {
    this.changed.fire();
  }

  async getChildren(element) {
    const active = vscode.debug.activeDebugSession;
    if (element || active?.type !== TYPE) {
      return [];
    }
    try {
      return rows(await active.customRequest('blink16/history'), this.writes);
    } catch {
      return [];
    }
  }

  getTreeItem(row) {
    const item = new vscode.TreeItem(row.label);
    item.description = row.description;
    item.tooltip = row.tooltip;
    item.iconPath = row.icon && new vscode.ThemeIcon(row.icon);
    if (row.instant !== undefined) {
      item.command = { command: 'blink16.seekTo', title: 'Go there', arguments: [row.instant] };
    }
    return item;
  }
}

/** The panel with the machine's screen. */
class ScreenPanel {
  show() {
    if (this.panel) {
      this.panel.reveal();
      return;
    }
    this.panel = vscode.window.createWebviewPanel('blink16.screen', '8086 screen', vscode.ViewColumn.Beside, {
      enableScripts: true,
    });
    this.panel.webview.html = page(crypto.randomBytes(16).toString('hex'));
    this.panel.webview.onDidReceiveMessage(async ({ key, ctrl, alt }) => {
      const what = typed(key, ctrl, alt);
      const active = vscode.debug.activeDebugSession;
      if (what && active?.type === TYPE) {
        await active.customRequest('blink16/type', what).then(undefined, () => undefined);
        this.refresh();
      }
    });
    const timer = setInterval(() => this.refresh(), settings().get('screenInterval', 500));
    this.panel.onDidDispose(() => {
      clearInterval(timer);
      this.panel = undefined;
    });
    this.refresh();
  }

  async refresh() {
    const active = vscode.debug.activeDebugSession;
    if (!this.panel?.visible || this.asking || active?.type !== TYPE) {
      return;
    }
    this.asking = true;
    try {
      this.panel?.webview.postMessage(await active.customRequest('blink16/screen'));
    } catch {
      // the program has ended: the last picture stays
    } finally {
      this.asking = false;
    }
  }
}

function activate(context) {
  const time = new TimeView();
  const screen = new ScreenPanel();
  const refresh = () => {
    time.refresh();
    screen.refresh();
  };

  const seek = async (instant) => {
    if (instant && (await ask('blink16/seek', { instant }))) {
      refresh();
    }
  };

  const commands = {
    'blink16.seekTo': seek,
    'blink16.seek': async () =>
      seek(await vscode.window.showInputBox({ prompt: 'An instruction count, start, end, or a bookmark' })),
    'blink16.bookmark': async () => {
      const name = await vscode.window.showInputBox({ prompt: 'A name, or nothing' });
      if (name !== undefined && (await ask('blink16/bookmark', name ? { name } : {}))) {
        time.refresh();
      }
    },
    'blink16.lastWrite': async ({ variable }) => {
      const frameId = vscode.debug.activeStackItem?.frameId;
      const name = variable.evaluateName || variable.name;
      const found = await ask('blink16/lastWrite', { expression: name, frameId, go: true });
      if (found) {
        time.writes = [{ name, ...found }, ...time.writes].slice(0, 10);
        time.refresh();
        if (found.icount === null) {
          vscode.window.showInformationMessage(`${name} was never written before now.`);
        }
      }
    },
    'blink16.screen': () => screen.show(),
    'blink16.stepBackInstruction': async () => {
      const threadId = vscode.debug.activeStackItem?.threadId ?? 1;
      await ask('stepBack', { threadId, granularity: 'instruction' });
    },
  };
  for (const [name, action] of Object.entries(commands)) {
    context.subscriptions.push(vscode.commands.registerCommand(name, action));
  }

  context.subscriptions.push(
    vscode.window.registerTreeDataProvider('blink16.time', time),
    vscode.debug.registerDebugConfigurationProvider(TYPE, {
      resolveDebugConfiguration(folder, config) {
        return resolved(folder?.uri.fsPath, config, vscode.window.activeTextEditor?.document.fileName);
      },
    }),
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, {
      createDebugAdapterDescriptor() {
        const { command, args } = adapterCommand(settings().get('adapter'));
        return new vscode.DebugAdapterExecutable(command, args);
      },
    }),
    vscode.debug.registerDebugAdapterTrackerFactory(TYPE, {
      createDebugAdapterTracker() {
        return {
          onWillStartSession() {
            time.writes = [];
          },
          onDidSendMessage(message) {
            if (message.type === 'event' && ['stopped', 'continued', 'terminated'].includes(message.event)) {
              setTimeout(refresh, 50);
            }
          },
        };
      },
    }),
  );
}

module.exports = { activate, deactivate() {} };
