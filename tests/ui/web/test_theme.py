"""The page's style: contrast, sheets that close what they open, nothing from elsewhere."""

from __future__ import annotations

from itertools import product

import pytest

from ui.web import theme


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(color: str, other: str) -> float:
    """The WCAG 2 contrast ratio of two colours "#rrggbb"."""
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


def test_the_head_has_every_sheet_and_script_and_asks_for_nothing_from_elsewhere() -> None:
    head = theme.head()
    for path in (*theme.STATIC.glob("*.css"), *theme.STATIC.glob("*.js")):
        text = path.read_text(encoding="utf-8")
        assert text in head, path.name
        # A sheet that leaves a rule open would swallow the sheets after it.
        assert path.suffix == ".js" or text.count("{") == text.count("}"), path.name
    for address in ("https:", "@import", "url("):
        assert address not in head
