"""The console's own colours: calm, dark, and with enough contrast for a tired eye."""

from __future__ import annotations

from textual.theme import Theme

#: For what is not looked at first. As a share of the foreground, which every theme has.
MUTED = "$foreground 62%"

NIGHT = Theme(
    name="wf-night",
    primary="#7cb7ff",
    secondary="#8fa3b8",
    accent="#d0a8ff",
    success="#77d492",
    warning="#f2c263",
    error="#ff8a80",
    foreground="#dbe2ea",
    background="#0e1318",
    surface="#141b22",
    panel="#1d2731",
    dark=True,
    variables={
        "block-cursor-background": "#24405f",
        "block-cursor-foreground": "#ffffff",
        "footer-background": "#1d2731",
        "footer-key-foreground": "#7cb7ff",
        "footer-description-foreground": "#b9c4cf",
        "input-cursor-background": "#7cb7ff",
        "input-cursor-foreground": "#0e1318",
    },
)
