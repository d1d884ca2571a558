"""Lessons of files are kept by the hash of their text, and never trusted when damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import report
from strategies import report_text, steady

from ingest.parsing.forms import learn, learn_texts, lesson_of, load_lessons, save_lessons

# Text that was read from a file has no half of a character.
whole_text = report_text.map(lambda raw: raw.encode("utf-8", "replace").decode())

NOTE = "Please note: we ask you to submit no more than three ferries."
FILES = [
    report(f"## Ferry\n> Why?\n\n{NOTE}\n\n{c} boats", given=f"[[country:{c}]]\n")
    for c in ("Peru", "Fiji", "Mali")
]


@steady
@given(st.lists(whole_text, max_size=4))
def test_kept_lessons_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, raws: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("lessons")
    lessons = {str(n): lesson_of(raw) for n, raw in enumerate(raws)}
    save_lessons(folder, lessons)
    assert load_lessons(folder) == lessons


def test_forms_are_learned_from_lessons_and_a_few_texts() -> None:
    asked: list[str] = []

    def text_of(name: str) -> str:
        asked.append(name)
        return FILES[int(name)]

    lessons = {str(n): lesson_of(text) for n, text in enumerate(FILES)}
    assert learn(lessons, text_of) == learn_texts(FILES)
    assert asked == ["0"]


def test_damaged_or_missing_lessons_are_none(tmp_path: Path) -> None:
    assert load_lessons(tmp_path) == {}
    save_lessons(tmp_path, {"a": lesson_of(FILES[0])})
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for damaged in (whole[:-3], whole.replace(b"ferr", b"harb"), b"", b"\xff\n[]", b"[]"):
        kept.write_bytes(damaged)
        assert load_lessons(tmp_path) == {}
