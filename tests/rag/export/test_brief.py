"""What a brief says, in the language of the first question, the same in every format."""

import io
from dataclasses import replace
from datetime import date

import fake_engine
import pytest
from answers import PLAIN, answer, passage
from docx import Document
from fake_engine import STRUCK, WHY
from passages import text_notice
from readers import squeezed, text_of

from rag.catalog.tag_fields import Filters
from rag.export.answer_json import answers_from_json
from rag.export.brief import make_brief, report_link
from rag.export.formats import export
from rag.i18n.labels import coverage_sentence
from rag.types import Answer, Coverage, Struck

DAY = date(2026, 3, 4)
SENTENCES = (
    "What the markets say",
    "Based on: 3 reports of 1 lab, 2023",
    "Côte d’Ivoire, Perú, 2023",
    "Form question: What did you learn?",
    "The quote supports the sentence in part",
    "Based on 3 reports of 1 lab. 32 more reports matched, not read.",
    "Direct quotes, no AI text",
    "f00dcafe",
    "Sentence 2",
    "3 sentences checked: 1 supported, 1 partly, 1 left out; 1 citation corrected.",
)
CORRECTED = "The quote supports the sentence in part. Citation corrected: the writer had cited"
# Date, labels and sentences, a number of more than three digits among them.
FRENCH = ("4 mars 2026", "Filtres : Année : 2023", "1 032 autres rapports trouvés, non lus.")
ARABIC = ("4 مارس 2026", "المرشحات: السنة: 2023")


def checked() -> Answer:
    """A plain answer of which a sentence was struck, and a citation corrected."""
    first, *others = PLAIN.citations
    return replace(
        PLAIN,
        citations=(replace(first, corrected=True), *others),
        struck=(Struck(STRUCK, text_notice(WHY)),),
        checked={"supported": 1, "partly": 1, "unsupported": 0, "struck": 1, "corrected": 1},
    )


@pytest.mark.parametrize("ending", ["md", "html", "docx", "pdf"])
def test_a_brief_says_what_it_rests_on(ending: str) -> None:
    words = squeezed(text_of(export([checked()], ending, "What the markets say", day=DAY), ending))
    for sentence in SENTENCES:
        # Labels and values stand in different cells of the page.
        wanted = squeezed(sentence)
        assert wanted in words or squeezed(sentence.replace(": ", "")) in words, sentence
    assert words.index("Basedon") < words.index(squeezed(PLAIN.question))
    assert "**" not in words
    assert words.count(squeezed(CORRECTED)) == 1
    # A reader is handed no sentence that the check struck.
    assert "43boxes" not in words


@pytest.mark.parametrize("ending", ["md", "html", "docx", "pdf"])
def test_a_sentence_in_doubt_has_a_sign_and_its_reason(ending: str) -> None:
    both = ("Sentence 2.", "Nine tell of it.")
    doubted = tuple(Struck(words, text_notice(f"Why {n}.")) for n, words in enumerate(both))
    said = replace(PLAIN, text="Sentence 1 [1]. Sentence 2 [2]. Nine tell of it.", doubted=doubted)
    words = squeezed(text_of(export([said], ending, day=DAY), ending))
    assert squeezed("Sentence 1 [1]. Sentence 2 [2]. [?] Nine tell of it. [?]") in words
    assert squeezed("[?] In doubt: 2 sentences") in words
    assert squeezed("Sentence 2. Reason: Why 0.") in words
    assert squeezed("Nine tell of it. Reason: Why 1.") in words
    for code in ("ar", "es", "fr", "pt"):
        translated = squeezed(export([replace(said, language=code)], "md", day=DAY).decode())
        assert "Why1." in translated
        assert "Indoubt" not in translated
        assert "Reason" not in translated
    sure = squeezed(text_of(export([PLAIN], ending, day=DAY), ending))
    assert "Indoubt" not in sure
    assert "[?]" not in sure


@pytest.mark.parametrize(
    ("ending", "language", "sentences"), [("pdf", "fr", FRENCH), ("docx", "ar", ARABIC)]
)
def test_a_brief_in_other_languages(ending: str, language: str, sentences: tuple[str, ...]) -> None:
    coverage = Coverage("answer", ("one_report",), ("Perú",), 1041, 12, 9, Filters(year=(2023,)))
    said = replace(PLAIN, language=language, coverage=coverage)
    words = squeezed(text_of(export([said], ending, day=DAY), ending))
    words = words.replace("\u200e", "").replace("\u200f", "")
    for sentence in sentences:
        assert squeezed(sentence) in words, sentence


def test_the_summary_counts_and_names_each_way_of_answering_once() -> None:
    quoted = fake_engine.answer()
    mixed = [quoted, replace(quoted, mode="openai:small"), replace(quoted, mode="catalogue")]
    summary = dict(make_brief([*mixed, quoted], "", DAY).summary)
    assert summary["Based on"] == "2 reports of 2 labs, 2021–2022"
    made = summary["How it was made"]
    assert made.count("Direct quotes") == made.count("openai:small") == made.count("tags") == 1


def test_a_lab_counts_where_it_wrote_what_is_cited() -> None:
    own, collected = passage("a", report="a"), passage("b", report="b")
    info = replace(collected.report, kind="solution", countries=("Chad",), iso=("TD",))
    own = replace(own, report=replace(own.report, countries=("Perú",), iso=("PE",)))
    both = answer(own, replace(collected, report=info))
    both = replace(both, coverage=replace(both.coverage, labs=("Perú", "Chad")))
    summary = dict(make_brief([both], "", DAY).summary)
    assert summary["Based on"].startswith("2 reports of 1 lab,")
    assert coverage_sentence(both).startswith("Based on 2 reports of 1 lab.")


def test_a_refusal_shows_the_nearest_passages_and_a_complete_list_is_complete() -> None:
    refusal = replace(PLAIN, text="The reports don't say.", refused=True, citations=())
    words = export([refusal], "md", day=DAY).decode()
    assert "### Nearest passages" in words
    assert "### Sources" not in words
    coverage = Coverage("list", ("one_report", "not_among_the_passages"), ("Perú",), 2)
    bare = replace(PLAIN, coverage=coverage, citations=(), mode="catalogue")
    words = export([bare], "md", day=DAY).decode()
    assert "### Reports (2)" in words
    assert "| Côte d’Ivoire, Perú | 2023 | Closing | A title |" in words
    assert "|  |  |  | not\\_among\\_the\\_passages |" in words
    assert "Complete list: 2 reports of 1 lab." in words


@pytest.mark.parametrize("ending", ["md", "html", "docx", "pdf"])
def test_a_table_stands_where_the_answer_announces_it(ending: str) -> None:
    text = "1 report:\n- Peru: “A title” [1]\nNot counted: 2 more."
    coverage = Coverage("list", ("one_report",), ("Perú",), 1)
    listed = replace(PLAIN, text=text, coverage=coverage, mode="catalogue")
    made = export([listed], ending, day=DAY)
    words = text_of(made, ending)
    if ending == "docx":
        # A table has no text of its own.
        parts = Document(io.BytesIO(made)).iter_inner_content()
        words = "\n".join(getattr(part, "text", "A title") for part in parts)
    assert words.index("1 report:") < words.index("A title") < words.index("Not counted: 2 more.")


def test_a_quote_that_the_answer_is_made_of_stands_once() -> None:
    said = ("1) Boxes keep it cool.", "Sand does, too!")
    passages = [passage(words, report=f"r{n}") for n, words in enumerate(said)]
    quoted = answer(*passages, text="Peru: Boxes keep it cool [1]. Sand does, too [2]!")
    certain = tuple(replace(citation, status="supported") for citation in quoted.citations)
    quoted = replace(quoted, citations=certain)
    for mode, quotes in (("extractive", 0), ("openai:small", 1)):
        *_, part = make_brief([replace(quoted, mode=mode)], "", DAY).parts
        assert [len(source.quotes) for source in part.source_lists[0][1]] == [quotes, quotes]


def of_quotes(question: str, *lines: str, **said: str) -> Answer:
    """An answer made of what reports say, each marked by the first letter of its id."""
    numbers = {name: n for n, name in enumerate(said, start=1)}
    text = "\n".join(lines)
    for name, n in numbers.items():
        text = text.replace(f"<{name}>", f"{said[name].rstrip('.')} [{n}].")
    passages = (passage(words, report=name[0], title=name[0] * 3) for name, words in said.items())
    made = answer(*passages, text=text, question=question)
    certain = tuple(replace(citation, status="supported") for citation in made.citations)
    return replace(made, citations=certain)


SAND, BOXES, NETS = "Sand keeps boxes cool.", "Boxes cost 4 dollars.", "Nets dry fish in a day."
FIRST = of_quotes("What?", "Quotes from 2 labs:", "### Found", "- Peru: <a> <b1>", a=SAND, b1=BOXES)
SECOND = of_quotes(
    "Why?",
    *("Quotes from 3 labs:", "### Found", "- Peru: <b1> From another, Z: <a>", "- Mali: <a>"),
    *("### Tried", "- Mali: <c>"),
    **{"b1": BOXES, "a": SAND, "c": NETS},
)


@pytest.mark.parametrize("ending", ["md", "html", "docx", "pdf"])
def test_several_answers_have_contents_one_list_of_sources_and_no_quote_twice(ending: str) -> None:
    made = export([FIRST, SECOND], ending, "Cold", day=DAY, report_url="https://x.org/{report}")
    words = squeezed(text_of(made, ending))
    result = words.index(squeezed("Quotes from 3 labs"))
    contents, head = words.index("Contents"), words.index(squeezed("Quotes from 3 labs:"))
    assert contents < result < words.index("2.Why?", result) < head
    for quote in (SAND, BOXES, NETS):
        assert words.count(squeezed(quote).rstrip(".")) == 1
    # What stands before is told, and who says what is new.
    again = "Already quoted under 1: Côte d’Ivoire, Perú [2][1]"
    assert squeezed(again) in words
    assert words.index(squeezed(again)) < words.index(squeezed("Mali: Nets dry fish in a day [3]."))
    sources = words[words.rindex("Sources") :]
    assert [sources.count(f"[{n}]") for n in (1, 2, 3, 4)] == [1, 1, 1, 0]
    assert [sources.count(squeezed(f"https://x.org/{name}")) > 0 for name in "abc"] == [True] * 3
    alone = squeezed(text_of(export([SECOND], ending, day=DAY), ending))
    assert "Contents" not in alone
    assert "Already" not in alone


def test_a_line_that_says_something_new_keeps_all_its_words() -> None:
    # What was asked stands before the first sentence alone.
    line = "- Peru: How long did it take: <a> <c>"
    second = of_quotes("How?", "Quotes from 1 lab:", line, a=SAND, c=NETS)
    words = export([FIRST, second], "md", day=DAY).decode()
    assert "How long did it take: Sand keeps boxes cool \\[1\\]. Nets dry fish in a day" in words


def test_the_same_words_in_another_passage_are_no_repeat() -> None:
    second = of_quotes("Why?", "Quotes from 1 lab:", "- Peru: <a>", a=SAND)
    (citation,) = second.citations
    asked = replace(citation.passage, id="a-2", prompt="Why was it so?")
    other = replace(second, citations=(replace(citation, passage=asked),))
    words = export([FIRST, other], "md", day=DAY).decode()
    assert words.count("Already quoted") == 0


def test_a_quote_is_the_same_without_the_sign_of_its_list_item() -> None:
    listed = [replace(c, quote=f"(ii) {c.quote}") for c in FIRST.citations]
    first = replace(FIRST, citations=tuple(listed))
    words = export([first, first], "md", day=DAY).decode()
    assert words.count(SAND.rstrip(".")) == words.count(BOXES.rstrip(".")) == 1


def test_data_has_all_that_a_brief_says_but_once() -> None:
    kept = answers_from_json(export([FIRST, SECOND], "json"))
    assert kept == (FIRST, SECOND)
    rows = export([FIRST, SECOND], "csv").decode("utf-8-sig")
    assert rows.count(SAND) == rows.count(BOXES) == 2


def test_what_is_compared_and_what_a_model_cites_keeps_its_quotes() -> None:
    sides = Coverage("compare", sides=("Peru", "Mali"))
    compared = replace(
        FIRST, text=f"Two labs:\n### Found\n- Peru: {SAND}\n- Mali: no", coverage=sides
    )
    words = export([FIRST, compared], "md", day=DAY).decode()
    assert f"| {SAND} | no |" in words
    assert words.count("Filters") == 1  # nothing is said of an answer without any
    # In the list of sources a quote stands once, with what is said of it and where it stands.
    written = replace(PLAIN, mode="openai:small")
    ((source, *_),) = (s for _, s in make_brief([written, written], "", DAY).parts[-1].source_lists)
    ((label, _), section, asked) = source.quotes[0].facts
    assert (len(source.quotes), label, source.facts) == (1, "Status", ())
    assert (section, asked[0]) == (("Section", "Énoncé du défi"), "Form question")


@pytest.mark.parametrize("code", ["ar", "es", "fr", "pt"])
def test_what_a_brief_says_of_repeats_is_translated(code: str) -> None:
    both = [replace(one, language=code) for one in (FIRST, SECOND)]
    words = export(both, "md", day=DAY).decode()
    assert "Already" not in words
    assert "Contents" not in words


def test_a_report_s_name_is_escaped_in_its_address() -> None:
    name = "a/../b?c#d <é\"'{report}\ud800"
    escaped = "a%2F..%2Fb%3Fc%23d%20%3C%C3%A9%22%27%7Breport%7D%3F"
    link = report_link("https://labs.example/{report}?v=1", name)
    assert link == f"https://labs.example/{escaped}?v=1"
    assert report_link("", "a") == ""
