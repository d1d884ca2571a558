"""Which passages are found to have the same words, whatever order they come in."""

from collections.abc import Sequence
from pathlib import Path

import ferries
import pytest
from passages import passage, report

from ingest.sync import sync
from rag.index.duplicates import find_duplicates as by_id
from rag.settings import Settings
from rag.types import Passage

PLAN = (
    "The ferry crew will count each crate of second day vegetables at the landing and tell the "
    "sellers of the upper market by radio before the boat leaves the far shore"
)
CLOSING = PLAN.replace("will count", "counted").replace("far shore", "other shore")
OTHER = (
    "Shared pumps stood idle at noon since nobody knew whose hour it was, so the users painted a "
    "clock on the tank and named a keeper for every day of the dry season"
)


def written(text: str, report_id: str, country: str = "Peru", **more: object) -> Passage:
    return passage(text, report(report_id, country), **{"id": f"{report_id}/{text[:30]}", **more})


def find_duplicates(passages: Sequence[Passage]) -> list[str]:
    found = by_id(sorted(passages, key=lambda passage: passage.report.id))
    return [found.get(passage.id, "") for passage in passages]


def test_a_plan_and_its_closing_are_duplicates_named_after_the_first() -> None:
    plan, closing, other = written(PLAN, "a"), written(CLOSING, "b"), written(OTHER, "c")
    firsts = find_duplicates([closing, other, plan])
    assert firsts == [plan.id, "", plan.id]


def test_an_answer_repeated_in_a_report_is_a_duplicate_and_a_changed_word_is_not() -> None:
    """Partners of one report often have the same description."""
    again = [written(PLAN, "a", id="1"), written(PLAN.upper(), "a", id="2")]
    assert find_duplicates(again) == ["1", "1"]
    partners = [written(f"{name} brings us together. {PLAN}", "a") for name in ("Kelp", "Tide")]
    assert find_duplicates(partners) == ["", ""]


def test_short_answers_are_no_duplicates() -> None:
    for text in ("4 months", "Read https://sea.example/" + "word/" * 20, PLAN.partition(" day")[0]):
        assert find_duplicates([written(text, name) for name in "abc"]) == [""] * 3


def test_what_many_labs_tick_is_the_forms_text() -> None:
    ticked = "- Our partners on the shore have taken over the whole work\n- It went to other shores"
    passages = [written(ticked, lab, lab) for lab in ("Peru", "Togo", "Nepal", "Chad")]
    assert all(find_duplicates(passages[:2]))
    own = [written(f"{ticked}\n{PLAN}", "x", "Peru"), written(f"{ticked}\n{OTHER}", "y", "Togo")]
    assert find_duplicates([*passages, *own]) == [""] * 6


def test_the_order_of_passages_does_not_matter() -> None:
    texts = [PLAN, OTHER, CLOSING, PLAN, "Yes", CLOSING, OTHER, OTHER]
    passages = [written(text, f"r{n % 5}", id=f"p{n}") for n, text in enumerate(texts)]
    expected = find_duplicates(passages)
    assert set(expected) == {"", "p0", "p1", "p5"}
    assert find_duplicates(passages[::-1]) == expected[::-1]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_new_report_joins_what_it_repeats(
    reports: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """Whether it is compared with all passages or with those that are nearest."""
    monkeypatch.setattr("rag.index.writer.MANY_NEW", share)
    (reports / "fiji.md").write_text(ferries.text("Fiji", PLAN), "utf-8")
    sync([reports], settings)
    for name, answer in (("fiji_closing", CLOSING), ("kenya", CLOSING), ("peru", OTHER)):
        (reports / f"{name}.md").write_text(ferries.text(name[:4].title(), answer), "utf-8")
        sync([reports], settings)
    found = ferries.content(settings)
    first = next(p.id for p in found["fiji"] if p.text.startswith("The ferry crew"))
    families = {name: {p.family for p in own if p.family} for name, own in found.items()}
    assert families == {
        "fiji": {first}, "fiji_closing": {first}, "kenya": {first}, "mali": set(), "peru": set()
    }  # fmt: skip
