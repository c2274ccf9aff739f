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

    def render(self) -> Content:
        """Paints the line."""
        return Content(" ─ ").join(self._one(step) for step in Step)

    def _one(self, step: Step) -> Content:
        if step < self.step:
            return Content.styled(f"✓ {step.value} {step.label}", "$text-success")
        if step == self.step:
            return Content.styled(f"● {step.value} {step.label}", "bold $text-primary")
        return Content.styled(f"○ {step.value} {step.label}", MUTED)
