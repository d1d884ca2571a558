"""The style sheets fit together: one that leaves a rule open would swallow those after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ui.web import theme

SHEETS = sorted(Path(theme.__file__).parent.glob("*.css"))


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_each_style_sheet_closes_what_it_opens(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    depth = 0
    for char in text:
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert depth == 0


def test_every_style_sheet_and_script_is_on_the_page() -> None:
    head = theme.head()
    for path in (*SHEETS, *Path(theme.__file__).parent.glob("*.js")):
        assert path.read_text(encoding="utf-8") in head, path.name
