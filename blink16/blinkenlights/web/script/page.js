// Keys go to the view as soon as it is there, without a click.
const attention = new MutationObserver(() => {
  if (document.body.classList.contains("-first-byte")) {
    document.querySelector(".xterm-helper-textarea")?.focus();
    attention.disconnect();
  }
});
attention.observe(document.body, { attributeFilter: ["class"] });
