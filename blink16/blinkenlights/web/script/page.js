// Keys go to the view as soon as it is there, without a click.
const attention = new MutationObserver(() => {
  if (document.body.classList.contains("-first-byte")) {
    document.querySelector(".xterm-helper-textarea")?.focus();
    attention.disconnect();
  }
});
attention.observe(document.body, { attributeFilter: ["class"] });

// The terminal measures its characters, and draws them, when the page is there: with our font, then.
const FONT_MILLISECONDS = 5000;
const begin = window.onload;
window.onload = async (event) => {
  const faces = ["", "bold "].map((weight) => document.fonts.load(`${weight}16px "Roboto Mono"`));
  const late = new Promise((enough) => setTimeout(enough, FONT_MILLISECONDS));
  await Promise.race([Promise.allSettled(faces), late]);
  begin.call(window, event);
};
