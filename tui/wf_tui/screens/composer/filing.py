"""WorkReqs opened from files and saved to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.path import PathDialog
from wf_tui.drafts import write_whole
from wf_tui.screens.composer.desk import Desk
from wf_tui.state.composition import Place
from wf_tui.state.format import count
from wf_tui.state.text import clean
from wf_tui.workreq_files import BadFile, dump_json, dump_yaml, load_workreq


class Filing(Desk):
    """Asks for a path, reads or writes it off the loop."""

    #: The file that was opened or saved last.
    _path = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open", "Open", show=False, id="composer.open", tooltip="Open a YAML or JSON file"),
        Binding("s", "save", "Save", show=False, id="composer.save", tooltip="Save as a YAML or JSON file"),
    ]

    def action_open(self) -> None:
        """Asks for a file and takes what it holds; undo brings back what was there."""
        self._ask_path("Open which file?", "Open", self._load)

    def action_save(self) -> None:
        """Asks for a file and writes the request to it."""
        self._ask_path("Save as which file?", "Save", self._save)

    def _ask_path(self, question: str, verb: str, act: Callable[[Path], None]) -> None:
        def answered(path: str | None) -> None:
            if path is not None:
                act(Path(path).expanduser())

        self.app.push_screen(PathDialog(question, self._path, verb), answered)

    def _load(self, path: Path) -> None:
        self.ask_newest(partial(self._loaded, path), f"open {path}", group="file")

    async def _loaded(self, path: Path) -> None:
        try:
            request = await asyncio.to_thread(load_workreq, f"{path.parent / path.name}")
        except BadFile as bad:
            shown = "\n".join(clean(problem) for problem in bad.problems[:4])
            more = len(bad.problems) - 4
            shown += f"\nand {count(more, 'more problem')}" if more > 0 else ""
            words = f"{clean(str(path))} holds no WorkReq:\n{shown}"
            self.notify(words, severity="error", timeout=12, markup=False)
            return
        self._path = str(path)
        self.take(self.composition.edited(request, Place()))
        self.say(f"Opened {path}; u brings back what was here.")

    def _save(self, path: Path) -> None:
        if str(path) == self._path or not path.exists():
            self.ask_newest(partial(self._saved, path), f"save {path}", group="file")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.ask_newest(partial(self._saved, path), f"save {path}", group="file")

        self.app.push_screen(
            ConfirmDialog("Overwrite this file?", [("File", str(path))], "Overwrite"), answered
        )

    async def _saved(self, path: Path) -> None:
        dump = dump_json if path.suffix == ".json" else dump_yaml
        try:
            text = await asyncio.to_thread(dump, self.request)
            await asyncio.to_thread(write_whole, path, text)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            words = f"{clean(str(path))} cannot be written: {clean(reason or str(error))}"
            self.notify(words, severity="error", markup=False)
            return
        self._path = str(path)
        self.say(f"Saved {path}.")
