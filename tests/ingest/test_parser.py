"""What a lab wrote lands once, under its form question, whatever the file looks like."""

import pytest
from made_up import TAGS, answers, learned, parsed, report, texts

from ingest.scan import clean
from rag.types import FACTS, FREE_TEXT

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


def group(text: str) -> str:
    return f'\n<div class="group">\n\n{text}\n\n</div>\n'


def partners(order: tuple[int, ...] = (0, 1, 2, 3)) -> str:
    """The records of two partners, their questions in some order."""
    groups = (group(f"> {PARTNER[i]}\n\n{record[i]}") for record in TWO for i in order)
    return "## Partners\n> Who are your top 5 partners?\n" + "".join(groups)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 0, 3, 1)])
def test_a_block_for_each_partner_and_then_the_next_question(order: tuple[int, ...]) -> None:
    body = partners(order) + "\n> What do you need to know?\n\nWhen the ferry leaves.\n"
    *blocks, last = parsed(body, learned(report(body))).blocks
    assert [set(b.text.split("\n")) for b in blocks] == [set(record) for record in TWO]
    who = "Who are your top 5 partners?"
    assert [(b.prompt, b.occurrence) for b in blocks] == [(who, 1), (who, 2)]
    assert (last.prompt, last.text) == ("What do you need to know?", "When the ferry leaves.")


def test_groups_belong_to_the_prompt_above_and_end_with_their_section() -> None:
    body = "> Evidence: which data?\n" + group("> \n\n12 boats a day.") + group("> \n\n3 ferries.")
    assert answers(parsed(body)) == [("Evidence: which data?", "12 boats a day.\n3 ferries.")]
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
    assert answers(parsed(f"## Pilot\n\nIt runs.\n\n## {words}")) == [
        ("Pilot", f"It runs.\n{words}")
    ]


def test_quoted_lines_of_a_lab_are_its_answer() -> None:
    form = "\n".join(f"> Question number {n}?\n\nAnswer {n}.\n" for n in range(6))
    quoted = "> Question number 6?\n\nThey said\n> the tide is a timetable\n>> twice\nand left.\n"
    said = "They said\nthe tide is a timetable\n> twice\nand left."
    asked = parsed(f"{form}\n{quoted}", learned(form, form))
    assert answers(asked)[-1] == ("Question number 6?", said)


def test_lists_tables_and_links_stay_in_the_answer() -> None:
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


def test_facts_are_a_block_whose_spans_are_the_tags() -> None:
    given_tags = TAGS + (
        "[[methods:Survey]]\n[[sample_size:40 boats]] [[control_group:Yes, the\nsame]]\n"
        "[[sample_size:40 Boats]]\n[[sample_size:2-9]]\n[[latlng:-12.5,77.03]]\n"
        "[[consent:https://a.example/x]]\n[[gender:female]]\n[[age:40]]\n"
        "[[e-mail:ana@lab.example]]\n[[contact_name:Ana]]\n[[total_cost:USD 130"
    )
    source = parsed("\n\n> Q?\n\nThey said [[note:nothing]] twice.", given=given_tags)
    facts, answer = source.blocks
    assert (facts.section, facts.prompt, facts.occurrence) == (FACTS, FACTS, 0)
    assert [
        (source.raw[slice(*span)], clean(source.raw[slice(*span)])) for span in facts.spans
    ] == [
        ("[[sample_size:40 boats]]", "Sample size: 40 boats"),
        ("[[control_group:Yes, the\nsame]]", "Control group: Yes, the same"),
        ("[[sample_size:2-9]]", "Sample size: 2-9"),
        ("[[total_cost:USD 130", "Total cost: USD 130"),
    ]
    # A tag in a lab's sentence is its own words.
    assert answer.text == "They said Note: nothing twice."
