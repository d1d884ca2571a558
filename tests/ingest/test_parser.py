"""What a lab wrote lands once, under its form question, in bounded passages whose ids stay."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from made_up import (
    NO_FORMS,
    TAGS,
    answers,
    learned,
    parsed,
    passages_of,
    read_back,
    report,
    report_text,
    steady,
    texts,
)

from ingest.form_text import learn, lesson_of, text_hash
from ingest.parser import MAX_TOKENS, chunk, parse
from ingest.scan import BLANK, clean, find_tags, hide_private, key, scan
from rag.models.tokens import count_tokens
from rag.types import FACTS, FREE_TEXT, Passage, Report
from tests.conftest import ROOT, SAMPLE

REAL = ROOT.parent / "shared" / "reports"
PARTNER = (
    "Please state the name of the Parter:",
    "What sector does our partner belong to?",
    "Please provide a brief description of the collaboration.",
    "Is this a new and unusual partner for UNDP?",
)
TWO = (
    ("Gull Radio", "Media", "Reads out the tide.", "Yes"),
    ("Port of Ilo", "Public", "Counts boats.", "No"),
)


def groups(*texts: str) -> str:
    return "".join(f'\n<div class="group">\n\n{text}\n\n</div>\n' for text in texts)


def partners(order: tuple[int, ...] = (0, 1, 2, 3)) -> str:
    """The records of two partners, their questions in some order."""
    asked = (f"> {PARTNER[i]}\n\n{record[i]}" for record in TWO for i in order)
    return "## Partners\n> Who are your top 5 partners?\n" + groups(*asked)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1)])
def test_a_block_for_each_partner_and_then_the_next_question(order: tuple[int, ...]) -> None:
    body = partners(order) + "\n> What do you need to know?\n\nWhen the ferry leaves.\n"
    *blocks, last = parsed(body, learned(report(body))).blocks
    assert [set(b.text.split("\n")) for b in blocks] == [set(record) for record in TWO]
    who = "Who are your top 5 partners?"
    assert [(b.prompt, b.occurrence) for b in blocks] == [(who, 1), (who, 2)]
    assert (last.prompt, last.text) == ("What do you need to know?", "When the ferry leaves.")


def test_groups_belong_to_the_prompt_above_and_end_with_their_section() -> None:
    body = "> Evidence: which?\n" + groups("> \n\n12 boats a day.", "> \n\n3 ferries.")
    assert answers(parsed(body)) == [("Evidence: which?", "12 boats a day.\n3 ferries.")]
    body = (
        f'## A\n<div class="group">\n> {PARTNER[0]}\n\nGull Radio.\n'
        f"## B\n> {PARTNER[0]}\n\nPort of Ilo.\n\n> {PARTNER[1]}\n\nPublic.\n"
    )
    forms = learned(report(partners()))
    assert texts(parsed(body, forms)) == ["Gull Radio.", "Port of Ilo.", "Public."]


def test_unanswered_questions_are_no_blocks_and_a_heading_as_long_as_a_text_is_one() -> None:
    body = "> A?\n\n> Two?\n\nYes.\n\n> Three?\n\n![x](https://x.example/a.png)\n\n> F?\n-"
    source = parsed(body)
    assert (answers(source), source.unanswered) == ([("Two?", "Yes.")], ("A?", "Three?", "F?"))
    words = " ".join(["The ferry carries oysters to the market of Ilo."] * 5)
    assert answers(parsed(f"## {words}\n\n![x](https://x.example/a.png)\n")) == [(FREE_TEXT, words)]
    both = ("Pilot", f"It runs.\n{words}")
    assert answers(parsed(f"## Pilot\n\nIt runs.\n\n## {words}")) == [both]


def test_quoted_lines_lists_tables_and_links_stay_in_the_answer() -> None:
    form = "\n".join(f"> Question number {n}?\n\nAnswer {n}.\n" for n in range(6))
    quoted = "> Question number 6?\n\nThey said\n> the tide is a timetable\n>> twice\nand left.\n"
    asked = parsed(f"{form}\n{quoted}", learned(form, form))
    assert texts(asked)[-1] == "They said\nthe tide is a timetable\n> twice\nand left."
    source = parsed(
        "> Which?\n\n- Sense\n- Explore\n\n| port | boats |\n|---|---|\n| Ilo | 12 |\n\n"
        "See [the map](https://a.example/1)[too](https://b.example/2) https://c.example/3\n\n"
        "![x](https://a.example/i.png)\n\n>> https://a.example/quoted"
    )
    assert texts(source) == [
        "- Sense\n- Explore\n| port | boats |\n|---|---|\n| Ilo | 12 |\n"
        "See the maptoo https://c.example/3\n> https://a.example/quoted"
    ]


def test_the_true_title() -> None:
    for heading, body, title in (
        ("Fish &amp; rice", "", "Fish & rice"),
        ("Short…", "> Please provide a name for your action learning plan.\n\nTides", "Tides"),
        ("- Ferries are", "> Insights?\n\nFerries are late. So are we.", "Ferries are"),
        ("Ferries are la…", "> Insights?\n\nFerries are late. So are we.", "Ferries are late."),
        ("_", "> Name of the experiment\n\nTides\nand ropes", "Tides and ropes"),
    ):
        assert parsed(body, title=heading).info.title == title


def test_a_text_under_no_question_has_its_heading_for_one() -> None:
    source = parsed(
        "Loose.\n## What it is\n\nA raft.\n\n> Cost?\n\n12\n##\nMore.\n## Cost?\n\n> None\n\n13\n"
    )
    assert [(b.section, b.prompt, b.text) for b in source.blocks] == [
        ("", FREE_TEXT, "Loose."),
        ("What it is", "What it is", "A raft."),
        ("What it is", "Cost?", "12"),
        ("", FREE_TEXT, "More."),
        ("Cost?", "Cost?", "13"),
    ]
    assert (source.unanswered, source.info.kind) == ((), "plan")
    assert parsed("> What do you know now that you didn't?\n\nTides.").info.kind == "closing"


def test_facts_are_a_block_and_a_passage_of_their_own() -> None:
    given_tags = TAGS + (
        "[[methods:Survey]]\n[[sample_size:40 boats]] [[control_group:Yes, the\nsame]]\n"
        "[[sample_size:40 Boats]]\n[[sample_size:2-9]]\n[[latlng:-12.5,77.03]]\n"
        "[[consent:https://a.example/x]]\n[[gender:female]]\n[[age:40]]\n"
        "[[e-mail:ana@lab.example]]\n[[contact_name:Ana]]\n[[total_cost:USD 130"
    )
    source = parsed("\n\n> Q?\n\nThey said [[note:nothing]] twice.", given=given_tags)
    facts, answer = source.blocks
    assert (facts.section, facts.prompt, facts.occurrence) == (FACTS, FACTS, 0)
    assert [source.raw[slice(*span)] for span in facts.spans] == [
        *("[[sample_size:40 boats]]", "[[control_group:Yes, the\nsame]]"),
        *("[[sample_size:2-9]]", "[[total_cost:USD 130"),
    ]
    # A tag in a lab's sentence is its own words.
    assert answer.text == "They said Note: nothing twice."
    raw = report("> Q?\n\nLes pêcheurs du port attendent chaque matin la glace du continent.")
    added = "[[sample_size:40]]\n[[control_group:It has no control group]]\n[[year"
    told, *others = passages_of(raw.replace("[[year", added))
    assert told.text == "Sample size: 40\nControl group: It has no control group"
    assert (told.stage, told.prompt, told.section) == ("evidence", FACTS, FACTS)
    assert [(p.id, p.text) for p in others] == [(p.id, p.text) for p in passages_of(raw)]
    assert (told.report.language, others[0].language) == ("fr", "fr")


# The real reports are no part of the project.
@pytest.mark.parametrize("folder", [SAMPLE, pytest.param(REAL, marks=pytest.mark.real)])
def test_passages_hold_no_form_text_or_people(folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip("the real reports are not beside this checkout")
    paths = sorted(folder.glob("*.md"))
    originals = [path.read_text("utf-8") for path in paths[:: len(paths) // 100 + 1]]
    lessons = [lesson_of(hide_private(original)) for original in originals]
    forms = learn(lessons)
    form_texts = {text for _, text in forms.paragraphs}
    assert any(forms.paragraphs.intersection(lesson.pairs) for lesson in lessons)
    for original in originals:
        raw = hide_private(original)
        people = [tag.value for tag in find_tags(original) if tag.key == "focal_point"]
        for passage in passages_of(raw, forms):
            assert read_back(raw, passage) == passage.text
            assert count_tokens(passage.text) <= MAX_TOKENS
            assert text_hash(key(passage.text)) not in form_texts
            assert not any("@" in person and person in repr(passage) for person in people)


def test_a_long_answer_is_cut_between_sentences_if_it_has_any_and_loses_nothing() -> None:
    long = " ".join(f"Boat number {n} left the harbour at {n % 24} o'clock." for n in range(120))
    passages = passages_of(report(f"> What left?\n\n{long}"))
    assert [(p.part, p.parts) for p in passages] == [(n, 6) for n in range(1, 7)]
    assert all(p.text.endswith("o'clock.") for p in passages)
    assert " ".join(p.text for p in passages) == long
    linked = " ".join(f"[The map {n}](https://maps.example/{n}) shows boat {n}." for n in range(60))
    passages = passages_of(report(f"> What?\n\n{linked}"))
    assert len(passages) > 1
    assert not [p.text for p in passages if "](" in p.text]
    # So is a text without sentences or of many.
    for answer in ("x" * 5_000, "漢" * 2_000, "👩‍👩‍👧 " * 500, "ab!\n\n\n" * 1000):
        raw = report(f"> What?\n\n{answer}")
        found = passages_of(raw)
        assert len(found) > 1
        assert all(read_back(raw, p) == p.text for p in found)
        assert all(count_tokens(p.text) <= MAX_TOKENS for p in found)
        assert "".join("".join(p.text for p in found).split()) == "".join(answer.split())


def test_the_same_place_has_the_same_id_whatever_stands_there_or_elsewhere() -> None:
    body = "## A\n> One?\n\n{}\n\n> Two?\n\n{}\n## A\n> One?\n\n{}\n"
    said = ("Ropes.", "Tides.", "Nets.")
    ids = {p.text: p.id for p in passages_of(report(body.format(*said)))}
    edited = passages_of(report(body.format("Ropes.", "Other tides.", "Nets."), title="New"))
    assert [p.id for p in edited] == [*ids.values()]
    for left_out in said:
        kept = report(body.format(*("" if text == left_out else text for text in said)))
        others = {text: place for text, place in ids.items() if text != left_out}
        assert {p.text: p.id for p in passages_of(kept)} == others


# What is written for a machine inside answers: images, addresses of links, elements, entities.
MARKUP = re.compile(
    r"!\[[^\]\n]*\]\([^()\s]*\)|\]\(https?://[^()\n]*\)|</?[a-z][^<>]*>|&(?:amp;)?nbsp;"
    r"|&(?:amp;)?lt;/?[a-z][^<>\n]{0,200}?&(?:amp;)?gt;"
)


def lost(report: Report, passages: Sequence[Passage]) -> str:
    """The letters and digits of answers in a report's file that are not in just one passage."""
    counts = np.array([char.isalnum() for char in report.raw], np.bool_)
    times = np.zeros(len(counts), np.uint8)
    questions = {*(block.prompt for block in report.blocks), *report.unanswered}
    for match in MARKUP.finditer(report.raw):
        counts[slice(*match.span())] = False
    # What is no answer by the markers of lines alone, without the parser.
    for event in scan(report.raw):
        place = slice(event.start, event.end)
        marker = event.kind in ("title", "tag", "section", "open", "close")
        asked = event.kind == "prompt" and (not event.text or clean(event.text) in questions)
        if marker or asked or BLANK.fullmatch(clean(report.raw[place])):
            counts[place] = False
    for start, end in (span for passage in passages for span in passage.spans):
        times[start:end] += 1
    return "".join(report.raw[n] for n in np.flatnonzero(counts & (times != 1)))


@steady
@given(report_text, st.integers(5, 40) | st.just(MAX_TOKENS))
@example("> What?\n\nNoon.\n\n![x](https://x.example/a.png)\n\nWhy?\n\n> None?\n\n-\n\n****", 9)
def test_all_that_a_lab_wrote_is_in_one_passage_whatever_the_file(raw: str, limit: int) -> None:
    source = parse("r", raw, NO_FORMS)
    passages = chunk(source, limit)
    assert lost(source, passages) == ""
    for passage in passages:
        assert read_back(raw, passage) == passage.text
        assert passage.text
        assert passage.prompt
        assert all(a[1] <= b[0] for a, b in pairwise(passage.spans))
    assert len({p.id for p in passages}) == len(passages)
