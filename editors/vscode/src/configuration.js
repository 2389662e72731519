// Launch configurations: what is said when the user says nothing.  Knows no VS Code.

const fs = require('node:fs');
const path = require('node:path');

const PROGRAM = /\.(com|exe|img|bin)$/i;
/** What a program that was made from a source may end in; nothing at all for ELKS. */
const ENDINGS = ['.exe', '.com', '.img', '.bin', ''];

/** The program that an open file is, or was made of: that lies beside it. */
function programOf(openFile) {
  if (!openFile || PROGRAM.test(openFile)) {
    return openFile;
  }
  const { dir, name } = path.parse(openFile);
  let beside = [];
  try {
    beside = fs.readdirSync(dir);
  } catch {
    // a file that was never saved
  }
  const found = ENDINGS.map((ending) => beside.find((file) => file.toLowerCase() === (name + ending).toLowerCase()));
  const program = found.find(Boolean);
  return program && path.join(dir, program);
}

/** Fill in a configuration; null, which opens launch.json, if there is nothing to launch. */
function resolved(folder, config, openFile) {
  const made = { ...config };
  if (!made.type && !made.request) {
    // F5 without a launch.json
    const program = programOf(openFile);
    if (!program) {
      return null;
    }
    Object.assign(made, { type: 'blink16', request: 'launch', name: 'Debug', program });
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
