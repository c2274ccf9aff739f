"""WorkReqs opened from files and saved to them."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.path import PathDialog
from wf_tui.drafts import write_whole
from wf_tui.paths import told, trouble_with_opening, trouble_with_saving
from wf_tui.screens.composer.desk import Desk
from wf_tui.state.composition import Place
from wf_tui.state.text import clean
from wf_tui.workreq_files import BadFile, dump_json, dump_yaml, is_json, parse_workreq, read_text


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
        dialog = PathDialog("Open which file?", self._path, "Open", trouble_with_opening)
        self.app.push_screen(dialog, self._load)

    def action_save(self) -> None:
        """Asks for a file and writes the request to it."""
        self.with_text_read(self._ask_where_to_save)

    # -- opening

    def _load(self, path: Path | None) -> None:
        if path is not None:
            self.ask_newest(partial(self._loaded, path), f"open {path}", group="file")

    async def _loaded(self, path: Path) -> None:
        try:
            text = await asyncio.to_thread(read_text, path)
        except BadFile as bad:
            self.notify(clean(str(bad)), severity="error", timeout=12, markup=False)
            return
        try:
            as_json = is_json(text, path.name)
            request = await asyncio.to_thread(parse_workreq, text, path.name, as_json=as_json)
        except BadFile:
            # The text can be mended where it stands, with its problems beneath it.
            self.show_text(text)
            self.say(f"{path} holds no WorkReq yet: what is wrong stands below its text.")
            return
        self._path = str(path)
        self.take(self.composition.edited(request, Place()))
        self.say(f"Opened {path}; u brings back what was here.")

    # -- saving

    def _ask_where_to_save(self) -> None:
        dialog = PathDialog("Save as which file?", self._path, "Save", trouble_with_saving)
        self.app.push_screen(dialog, self._save)

    def _save(self, path: Path | None) -> None:
        if path is None:
            return
        if str(path) == self._path or not os.path.lexists(path):
            self._write(path, True)
            return
        facts = [("File", str(path))]
        dialog = ConfirmDialog("Overwrite this file?", facts, "Overwrite")
        self.app.push_screen(dialog, partial(self._write, path))

    def _write(self, path: Path, yes: bool | None) -> None:
        if yes:
            self.ask_newest(partial(self._saved, path), f"save {path}", group="file")

    async def _saved(self, path: Path) -> None:
        dump = dump_json if path.suffix == ".json" else dump_yaml
        try:
            text = await asyncio.to_thread(dump, self.request)
            await asyncio.to_thread(write_whole, path, text)
        except (OSError, ValueError) as error:
            words = f"{clean(str(path))} cannot be written: {clean(told(error))}"
            self.notify(words, severity="error", markup=False)
            return
        self._path = str(path)
        self.say(f"Saved {path}.")
