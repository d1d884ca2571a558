"""The page's style: contrast, sheets that close what they open, nothing from elsewhere."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from ui.web import theme

SHEETS = sorted(theme.STATIC.glob("*.css"))


def contrast(color: str, other: str) -> float:
    """The WCAG 2 contrast ratio of two colours "#rrggbb"."""

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(color), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [theme.LIGHT, theme.DARK])
def test_text_and_controls_contrast_with_their_ground(palette: dict[str, str]) -> None:
    pairs = [*product(("ink", "quiet", "accent", "alert"), ("paper", "wash"))]
    pairs += [("accent", "tint"), ("ink", "tint"), ("on-accent", "accent"), ("on-mark", "mark")]
    for text, ground in pairs:
        assert contrast(palette[text], palette[ground]) >= 4.5, (text, ground)
    for ground in ("paper", "wash"):
        assert contrast(palette["edge"], palette[ground]) >= 3, ground


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_each_style_sheet_closes_what_it_opens(path: Path) -> None:
    """One that leaves a rule open would swallow the sheets after it."""
    depth = 0
    for char in path.read_text(encoding="utf-8"):
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0


def test_the_head_has_every_sheet_and_script_and_asks_for_nothing_from_elsewhere() -> None:
    head = theme.head()
    for path in (*SHEETS, *theme.STATIC.glob("*.js")):
        assert path.read_text(encoding="utf-8") in head, path.name
    for address in ("https:", "@import", "url("):
        assert address not in head
