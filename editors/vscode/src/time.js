// What the view "Time" shows: where the machine is in its past, its bookmarks, and last writes.
// Nothing here knows VS Code, so that it can be tested alone.

const LENGTH = 20;

/** A bar of the past: ●━━━━, with the present in it. */
function bar(history) {
  const span = Math.max(1, history.end - history.start);
  const at = Math.min(LENGTH - 1, Math.floor(((history.now - history.start) * LENGTH) / span));
  return '━'.repeat(at) + '●' + '━'.repeat(LENGTH - 1 - at);
}

/** An instruction count as people read it. */
function count(number) {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ' ');
}

/**
 * The rows of the view.
 * @param history the body of blink16/history
 * @param writes what blink16/lastWrite has found: {name, icount, by, before, after}
 */
function rows(history, writes = []) {
  const here = {
    label: `instruction ${count(history.now)}`,
    description: bar(history),
    tooltip: `The past reaches from instruction ${count(history.start)} to ${count(history.end)}.`,
  };
  const ends = [
    { label: 'Beginning', description: count(history.start), instant: 'start', icon: 'debug-restart' },
    { label: 'End', description: count(history.end), instant: 'end', icon: 'debug-continue' },
  ];
  const marks = history.bookmarks.map((mark) => ({
    label: mark.name,
    description: count(mark.icount) + (mark.icount === history.now ? '  (here)' : ''),
    instant: mark.name,
    icon: 'bookmark',
  }));
  return [here, ...ends, ...marks, ...writes.map(writeRow)];
}

/** The row of a last write. */
function writeRow(write) {
  if (write.icount === null) {
    return { label: write.name, description: 'was never written', icon: 'circle-slash' };
  }
  const change = `${bytes(write.before)} → ${bytes(write.after)}`;
  return {
    label: `${write.name}: ${change}`,
    description: `${write.by || 'a debugger'}, ${count(write.icount)}`,
    instant: String(write.icount),
    icon: 'edit',
  };
}

function bytes(hex) {
  return hex.length > 16 ? `${hex.slice(0, 16)}…` : hex;
}

module.exports = { bar, count, rows, writeRow };
