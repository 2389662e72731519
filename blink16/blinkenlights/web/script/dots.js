// The guest's graphics: the view sends pictures beside the terminal's characters, and says over
// which of its cells they are to lie.
(() => {
  let shown = null;
  const picture = document.getElementById("dots");

  const place = () => {
    const terminal = document.querySelector(".xterm-screen");
    picture.hidden = !shown || !terminal;
    if (picture.hidden) return;
    const [x, y, columns, rows] = shown.cells;
    const box = terminal.getBoundingClientRect();
    const wide = box.width / shown.of[0], high = box.height / shown.of[1];
    const width = Math.min(columns * wide, (rows * high * 4) / 3);  // the shape of a PC's screen
    const style = picture.style;
    style.left = `${box.left + x * wide + (columns * wide - width) / 2}px`;
    style.top = `${box.top + y * high}px`;
    style.width = `${width}px`;
    style.height = `${(width * 3) / 4}px`;
    const dots = window.devicePixelRatio || 1;  // made smaller, whole rows of dots would be left out
    const less = width * dots < picture.naturalWidth || width * 0.75 * dots < picture.naturalHeight;
    style.imageRendering = less ? "auto" : "pixelated";
  };
  picture.addEventListener("load", () => place());

  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...how) {
      super(...how);
      this.addEventListener("message", (event) => {
        if (typeof event.data !== "string") return;
        const [kind, told] = JSON.parse(event.data);
        if (kind !== "dots") return;
        shown = told.png ? told : null;
        if (shown) picture.src = `data:image/png;base64,${told.png}`;
        place();
      });
      this.addEventListener("close", (event) => {
        shown = null;
        place();
        if (event.reason) document.getElementById("why").textContent = event.reason;
      });
    }
  };
  window.addEventListener("resize", () => requestAnimationFrame(place));
})();
