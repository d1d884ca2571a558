"""Files made to hurt: time stays in proportion to size, and no line is lost or looped over."""

import time
from collections.abc import Callable

import pytest
from made_up import NO_FORMS, passages_of, report

from ingest.parsing.form_text import learn, lesson_of
from ingest.parsing.parser import parse
from ingest.parsing.scan import clean_with_offsets, hide_private
from rag.catalog.normalize import fold_tag
from rag.places.countries import fold_name

SIZE = 60_000
UNITS = (
    *(" ", "\n", "a\n", "> ", "> \n", "> q?\n", "## a\n", "[", "[[", "[[a:b\n", "[[a:x]"),
    *('<div class="group">\n> a?\nx\n</div>\n', "[[focal_point:a@b.example\n", "a@b.c", "!["),
    *("[a](https://", "<p ", "&amp;", "*", "=", "?!", '."', "e.g. "),
    *("\u200b", "\ud800", "\r", "\x00"),
)
STEPS: dict[str, Callable[[str], object]] = {
    "offsets": clean_with_offsets,
    "private": hide_private,
    "forms": lambda raw: learn(lesson_of(f"[[country:{lab}]]\n{raw}") for lab in ("Peru", "Fiji")),
    "passages": passages_of,
    "country": fold_name,
    "fold": fold_tag,
}


@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_with_size_and_no_faster(unit: str) -> None:
    """Linear work takes four times as long for four times the text; quadratic, sixteen times."""
    passages_of("The models and tables are loaded before the first is timed.")
    small, large = (unit * (size // len(unit)) + "!" for size in (SIZE // 4, SIZE))
    # A busy machine can slow one run; it does not slow three of the same in the same way.
    for name, step in STEPS.items():
        assert not all(_slower(step, small, large) for _ in "123"), name


def _slower(step: Callable[[str], object], small: str, large: str) -> bool:
    spent = _seconds(step, large)
    # Less than half a second is too short to tell from noise, and no harm.
    return spent > 0.5 and spent > 10 * _seconds(step, small)


def _seconds(step: Callable[[str], object], raw: str) -> float:
    """Of this process, whatever else the machine does."""
    started = time.process_time()
    step(raw)
    return time.process_time() - started


def test_many_questions_and_questions_without_end() -> None:
    body = "".join(f"> Question {n}?\n\nAnswer {n}.\n" for n in range(5_000))
    assert len(parse("r", report(body), NO_FORMS).blocks) == 5_000
    (block,) = parse("r", report("> q?\n" * 30_000 + "Yes."), NO_FORMS).blocks
    assert block.text == "Yes."
    assert len(block.prompt) < 3_000
