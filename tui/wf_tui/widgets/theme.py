"""The console's own colours: dark, light, of high contrast, and safe for colour-blind eyes."""

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


def _cursor(background: str, foreground: str, key: str, words: str, panel: str, field: str) -> dict[str, str]:
    return {
        "block-cursor-background": background,
        "block-cursor-foreground": foreground,
        "footer-background": panel,
        "footer-key-foreground": key,
        "footer-description-foreground": words,
        "input-cursor-background": key,
        "input-cursor-foreground": field,
    }


DAY = Theme(
    name="wf-day",
    primary="#1a5fb4",
    secondary="#4a5b6c",
    accent="#7a3fb8",
    success="#1b7a3d",
    warning="#9a6200",
    error="#c01c28",
    foreground="#1c232b",
    background="#fbfbf9",
    surface="#f0f1ef",
    panel="#e2e5e8",
    dark=False,
    variables=_cursor("#cfe0f5", "#10151a", "#1a5fb4", "#3a4653", "#e2e5e8", "#fbfbf9"),
)

CONTRAST = Theme(
    name="wf-contrast",
    primary="#66d9ff",
    secondary="#ffffff",
    accent="#ff9cff",
    success="#5cff5c",
    warning="#ffff4d",
    error="#ff7a7a",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#202020",
    dark=True,
    variables=_cursor("#ffffff", "#000000", "#ffff4d", "#ffffff", "#202020", "#000000"),
)

#: Of the Okabe-Ito palette: its colours stay apart for every kind of colour blindness.
SAFE = Theme(
    name="wf-safe",
    primary="#56b4e9",
    secondary="#999999",
    accent="#cc79a7",
    success="#00b386",
    warning="#f0e442",
    error="#ff8533",
    foreground="#e6e6e6",
    background="#101214",
    surface="#171a1d",
    panel="#23282d",
    dark=True,
    variables=_cursor("#27455a", "#ffffff", "#56b4e9", "#c6c6c6", "#23282d", "#101214"),
)

THEMES = (NIGHT, DAY, CONTRAST, SAFE)
