"""Templates: what comes from outside stays text, in whatever view it stands."""

import re
from pathlib import Path

from fake_engine import HOSTILE
from readers import Outline

import ui
from rag.i18n.translations import ENGLISH
from ui.rendering import render

TEMPLATES = Path(ui.__file__).with_name("templates")


def test_templates_escape_what_they_are_given() -> None:
    for path in TEMPLATES.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape", text), path.name
        # What is not quoted could end its attribute with a space.
        assert not re.search(r"=\{\{", text), path.name
    chips = Outline(
        render("chips.html", ENGLISH, chips=[("theme", HOSTILE, HOSTILE)], notice=HOSTILE)
    )
    chips.is_inert()
    assert chips.all("button")[0]["data-value"] == HOSTILE
    assert chips.text.count(HOSTILE) == 2
