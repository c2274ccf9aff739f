"""The line that shows a wizard's steps: done, here, to come."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from wf_tui.state.wizard import Step
from wf_tui.widgets.theme import MUTED


class Steps(Widget):
    """Numbers, names and a glyph each."""

    step: reactive[Step] = reactive(Step.SITE)
    dry_run: reactive[bool] = reactive(False)

    def render(self) -> Content:
        """Paints the line; where there is no room, only the present step by its name."""
        whole = Content(" ─ ").join(self._one(step, named=True) for step in Step)
        if whole.cell_length <= self.content_size.width:
            return whole
        return Content(" ─ ").join(self._one(step, named=step == self.step) for step in Step)

    def _one(self, step: Step, *, named: bool) -> Content:
        name = "Dry run" if self.dry_run and step is Step.CONFIRM else step.label
        label = f" {name}" if named else ""
        if step < self.step:
            return Content.styled(f"✓ {step.value}{label}", "$text-success")
        if step == self.step:
            return Content.styled(f"● {step.value}{label}", "bold $text-primary")
        return Content.styled(f"○ {step.value}{label}", MUTED)
