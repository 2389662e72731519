// The screen of the machine as a web page: a picture, and keys that are typed into it.

const NAMES = {
  Enter: '\n', Tab: '\t', Escape: null, Backspace: null,
};
const KEYS = {
  Escape: 'esc', Backspace: 'backspace', ArrowUp: 'up', ArrowDown: 'down', ArrowLeft: 'left',
  ArrowRight: 'right', Home: 'home', End: 'end', PageUp: 'pgup', PageDown: 'pgdn',
  Insert: 'ins', Delete: 'del', F1: 'f1', F2: 'f2', F3: 'f3', F4: 'f4', F5: 'f5', F6: 'f6',
  F7: 'f7', F8: 'f8', F9: 'f9', F10: 'f10',
};

/** What a key that was pressed in the page means to blink16/type; undefined if nothing. */
function typed(key, ctrl, alt) {
  if (ctrl || alt) {
    const name = KEYS[key] || (key.length === 1 ? key.toLowerCase() : undefined);
    return name && { key: [ctrl && 'ctrl', alt && 'alt', name].filter(Boolean).join('-') };
  }
  if (KEYS[key]) {
    return { key: KEYS[key] };
  }
  const text = key.length === 1 ? key : NAMES[key];
  return text ? { text } : undefined;
}

/** The page; `nonce` lets its own script run, and no other. */
function page(nonce) {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<style nonce="${nonce}">
  body { margin: 0; background: #000; color: #aaa; display: grid; place-items: center; min-height: 100vh; }
  img { width: 100%; max-width: 1280px; image-rendering: pixelated; }
  body:focus-within img, img:focus { outline: 1px solid var(--vscode-focusBorder); }
</style></head>
<body tabindex="0">
<img id="screen" alt="the screen of the machine"><div id="off">the screen is off</div>
<script nonce="${nonce}">
  const api = acquireVsCodeApi();
  const image = document.getElementById('screen'), off = document.getElementById('off');
  image.hidden = true;
  window.addEventListener('message', ({ data }) => {
    image.hidden = !data.png; off.hidden = Boolean(data.png);
    if (data.png) { image.src = 'data:image/png;base64,' + data.png; image.alt = data.text; }
  });
  window.addEventListener('keydown', (event) => {
    if (event.metaKey || ['Shift', 'Control', 'Alt'].includes(event.key)) return;
    event.preventDefault();
    api.postMessage({ key: event.key, ctrl: event.ctrlKey, alt: event.altKey });
  });
  document.body.focus();
</script></body></html>`;
}

module.exports = { page, typed };
