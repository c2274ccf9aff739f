"""Inputs and buttons that stand still: no blinking, no glow after a press."""

from __future__ import annotations

from textual.widgets import Button, Input
from textual.widgets.button import ButtonVariant


def quiet_input(placeholder: str, *, id: str) -> Input:
    """Makes an input whose cursor does not blink."""
    field = Input(placeholder=placeholder, id=id, select_on_focus=False)
    field.cursor_blink = False
    return field


def quiet_button(
    label: str, *, id: str, variant: ButtonVariant = "default", disabled: bool = False
) -> Button:
    """Makes a button that takes the next press at once, rather than after its glow."""
    button = Button(label, id=id, variant=variant, disabled=disabled)
    button.active_effect_duration = 0
    return button
