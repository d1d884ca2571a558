"""Templates: what comes from outside stays text, in whatever view it stands."""

import re
from pathlib import Path

import ui


def test_templates_escape_what_they_are_given() -> None:
    for path in Path(ui.__file__).with_name("templates").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape", text), path.name
        # What is not quoted could end its attribute with a space.
        assert not re.search(r"=\{\{", text), path.name
