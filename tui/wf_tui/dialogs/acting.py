"""A dialog that asks the server itself, and stays open until the server has said yes."""

from __future__ import annotations

from collections.abc import Awaitable

from textual.content import Content
from textual.widgets import Static

from wf_tui.dialogs.base import Dialog
from wf_tui.gateway import GatewayError
from wf_tui.state.text import clean


class ActingDialog(Dialog[str]):
    """Answers with what to say of it. Whoever closed it on a call that then failed would think it done."""

    #: What an operator has to know if the call fails, before the error's own words.
    failure = "Nothing is known to have happened. Enter tries again."
    #: What is going on while the server is asked.
    doing = "asking the server…"
    #: Said to whom leaves while the server is asked.
    left = "Left while the server was asked: look how it stands."

    def __init__(self) -> None:
        super().__init__()
        self._under_way = False

    def told(self) -> Static:
        """Where the dialog says how it is going; the subclass puts it in its box."""
        told = Static("", id="told", markup=False)
        told.display = False
        return told

    def act(self, call: Awaitable[str], what: str) -> None:
        """Makes the call, whose answer is what to say of it. `what` names the task.

        Once at a time: see `is_under_way`.
        """
        self._under_way = True
        self._tell(self.doing)
        self.run_worker(self._act(call), name=what, group="order", exit_on_error=False)

    @property
    def is_under_way(self) -> bool:
        """Whether the server has not answered yet."""
        return self._under_way

    async def _act(self, call: Awaitable[str]) -> None:
        try:
            told = await call
        except GatewayError as error:
            self._tell(f"{self.failure} {clean(str(error))}", failed=True)
        else:
            self.dismiss(told)
        finally:
            self._under_way = False

    def _tell(self, words: str, *, failed: bool = False) -> None:
        told = self.query_one("#told", Static)
        told.update(Content(clean(words)))
        told.set_class(failed, "failed")
        told.display = True

    def action_leave(self) -> None:
        """Closes the dialog; a call under way may or may not be carried out, and that is said."""
        if self._under_way:
            self.app.notify(clean(self.left), severity="warning", timeout=10, markup=False)
        super().action_leave()
