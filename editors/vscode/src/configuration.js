// Launch configurations: what is said when the user says nothing.  Knows no VS Code.

/** Fill in a configuration; undefined if there is nothing to launch. */
function resolved(folder, config, openFile) {
  const made = { ...config };
  if (!made.type && !made.request) {
    // F5 without a launch.json
    if (!openFile || !/\.(com|exe|img|bin)$/i.test(openFile)) {
      return undefined;
    }
    Object.assign(made, { type: 'blink16', request: 'launch', name: 'Debug', program: openFile });
  }
  if (made.request === 'launch') {
    made.cwd ??= folder;
  }
  made.stopOnExit ??= true;
  return made;
}

/** The command of the adapter, from the settings. */
function adapterCommand(setting) {
  const words = Array.isArray(setting) ? setting.filter((word) => typeof word === 'string') : [];
  return words.length > 0 ? { command: words[0], args: words.slice(1) } : { command: 'blink16-dap', args: [] };
}

module.exports = { adapterCommand, resolved };
