"""Keys that save what is seen, or copy it."""

from __future__ import annotations

from pathlib import Path

from textual.strip import Strip

from blink16.blinkenlights import exports
from blink16.blinkenlights.dots import ShowsDots
from blink16.blinkenlights.widgets.code import CodePanel
from blink16.blinkenlights.widgets.memory import MemoryPanel
from blink16.blinkenlights.widgets.panel import Panel


class SaveActions(ShowsDots):
    """Pictures, films and recordings of the view, in files."""

    _cast: exports.Asciicast | None = None
    """The recording of this session, while there is one."""

    def on_shown(self) -> None:
        """Add what is shown to the recording."""
        if self._cast is not None:
            with self.in_blocks():
                self._cast.take(self._strips())
        super().on_shown()

    def on_unmount(self) -> None:
        """End the recording."""
        if self._cast is not None:
            self._cast.close()

    def _strips(self) -> list[Strip]:
        """What stands on the terminal."""
        return self.screen._compositor.render_strips(self.size)

    def action_save(self, kind: str) -> None:
        """Save a picture of the view, in the folder where we were started."""
        path = exports.free_name("blinkenlights", f".{kind}")
        try:
            with self.in_blocks():
                self._save(kind, path)
        except (OSError, ImportError) as error:
            self._say(f"{path.name}: {error}", "error")
            return
        self._say(f"saved {path}")

    def _save(self, kind: str, path: Path) -> None:
        if kind == "svg":
            path.write_text(self.export_screenshot(title=self._title()), encoding="utf-8")
        else:
            ground, ink = exports.GROUNDS[self._theme_name]
            exports.png(self._strips(), ground, ink, path)

    def _title(self) -> str:
        return f"blinkenlights {self.picture.state.command}" if self.picture else "blinkenlights"

    def action_copy(self) -> None:
        """Copy what the panel with the focus shows to the clipboard, as text."""
        panel = self.focused if isinstance(self.focused, Panel) else self.query_one(CodePanel)
        self.copy_to_clipboard("\n".join(panel.plain_lines()).rstrip())
        self._say(f"copied: {panel.headline}")

    def action_film(self, kind: str) -> None:
        """Save what the memory panel with the focus shows, through the whole run."""
        panel = self.focused if isinstance(self.focused, MemoryPanel) else None
        name = panel.name if panel and panel.name else "STACK"
        stretch = self.picture.memory.get(name) if self.picture else None
        if stretch is None:
            self._say("no memory is shown")
            return
        film = exports.Film.of(stretch, exports.free_name("memory", f".{kind}"))
        self._say("the film is being made…")
        self._do(film.shoot)

    def action_cast(self) -> None:
        """Begin to record the session, or end that."""
        if self._cast is not None:
            self._cast.close()
            self._say(f"saved {self._cast.path}")
            self._cast = None
            return
        path = exports.free_name("blinkenlights", ".cast")
        try:
            self._cast = exports.Asciicast(path, (self.size.width, self.size.height))
        except OSError as error:
            self._say(f"{path.name}: {error}", "error")
            return
        self._say(f"recording {path.name}; the same command ends it")
