"""What a brief says, in the language of the first question, the same in every format."""

import io
from collections.abc import Sequence
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
from rag.export.brief import make_brief, report_link
from rag.export.formats import export
from rag.i18n.labels import coverage_sentence
from rag.types import Answer, Coverage, Struck

DAY = date(2026, 3, 4)
TO_READ = pytest.mark.parametrize("ending", ["md", "html", "docx", "pdf"])
SENTENCES = (
    "What the markets say",
    "Based on: 3 reports of 1 lab, 2023",
    "Côte d’Ivoire, Perú, 2023",
    "Form question: What did you learn?",
    "Based on 3 reports of 1 lab. 32 more reports matched, not read.",
    "Direct quotes, no AI text",
    "f00dcafe",
    "Sentence 2",
    "3 sentences checked: 1 supported, 1 partly, 1 left out; 1 citation corrected.",
)
CORRECTED = "The quote supports the sentence in part. Citation corrected: the writer had cited"
# Date, labels and sentences, a number of more than three digits among them.
TRANSLATED = {
    "ar": ("4 مارس 2026", "المرشحات: السنة: 2023"),
    "fr": ("4 mars 2026", "Filtres : Année : 2023", "1 032 autres rapports trouvés, non lus."),
}
DOUBTS = [Struck(words, text_notice("Why.")) for words in ("Sentence 2.", "Nine** tell of it.")]
DOUBTED = replace(
    PLAIN, text="Sentence 1 [1]. Sentence 2 [2]. Nine tell of it.", doubted=tuple(DOUBTS)
)


def words_of(answers: Sequence[Answer], ending: str, title: str = "", url: str = "") -> str:
    """The words of a brief, without white space."""
    return squeezed(text_of(export(answers, ending, title, day=DAY, report_url=url), ending))


@TO_READ
def test_a_brief_says_what_it_rests_on(ending: str) -> None:
    first, *others = PLAIN.citations
    checked = replace(
        PLAIN,
        citations=(replace(first, corrected=True), *others),
        struck=(Struck(STRUCK, text_notice(WHY)),),
        checked={"supported": 1, "partly": 1, "unsupported": 0, "struck": 1, "corrected": 1},
    )
    words = words_of([checked], ending, "What the markets say")
    for sentence in SENTENCES:
        # Labels and values stand in different cells of the page.
        wanted = squeezed(sentence)
        assert wanted in words or squeezed(sentence.replace(": ", "")) in words, sentence
    assert words.index("Basedon") < words.index(squeezed(PLAIN.question))
    assert "**" not in words
    assert words.count(squeezed(CORRECTED)) == 1
    # A reader is handed no sentence that the check struck.
    assert "43boxes" not in words
    # None of the others is in doubt.
    assert "Indoubt" not in words
    assert "[?]" not in words


@TO_READ
def test_a_sentence_in_doubt_has_a_sign_and_its_reason(ending: str) -> None:
    words = words_of([DOUBTED], ending)
    for said in (
        "Sentence 1 [1]. Sentence 2 [2]. [?] Nine tell of it. [?]",
        "[?] In doubt: 2 sentences",
        "Sentence 2. Reason: Why.",
        "Nine tell of it. Reason: Why.",
    ):
        assert squeezed(said) in words


def test_the_summary_counts_labs_that_wrote_and_names_each_way_of_answering_once() -> None:
    quoted = fake_engine.answer()
    modes = ("openai:small", "catalogue", "extractive")
    answers = [quoted, *(replace(quoted, mode=mode) for mode in modes)]
    summary = dict(make_brief(answers, "", DAY).summary)
    assert summary["Based on"] == "2 reports of 2 labs, 2021–2022"
    made = summary["How it was made"]
    assert made.count("Direct quotes") == made.count("openai:small") == made.count("tags") == 1
    own, collected = passage("a", report="a"), passage("b", report="b")
    info = replace(collected.report, kind="solution", countries=("Chad",), iso=("TD",))
    own = replace(own, report=replace(own.report, countries=("Perú",), iso=("PE",)))
    both = answer(own, replace(collected, report=info))
    both = replace(both, coverage=replace(both.coverage, labs=("Perú", "Chad")))
    assert ("Based on", "2 reports of 1 lab, 2023") in make_brief([both], "", DAY).summary
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


@TO_READ
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


def certain(made: Answer) -> Answer:
    """An answer whose quotes support it."""
    return replace(made, citations=tuple(replace(c, status="supported") for c in made.citations))


def test_a_quote_that_the_answer_is_made_of_stands_once() -> None:
    said = ("1) Boxes keep it cool.", "Sand does, too!")
    passages = [passage(words, report=f"r{n}") for n, words in enumerate(said)]
    quoted = answer(*passages, text="Peru: Boxes keep it cool [1]. Sand does, too [2]!")
    for mode, quotes in (("extractive", 0), ("openai:small", 1)):
        *_, part = make_brief([replace(certain(quoted), mode=mode)], "", DAY).parts
        assert [len(source.quotes) for source in part.source_lists[0][1]] == [quotes, quotes]


def of_quotes(question: str, *lines: str, **said: str) -> Answer:
    """An answer made of what reports say, each marked by the first letter of its id."""
    text = "\n".join(lines)
    for n, (name, words) in enumerate(said.items(), start=1):
        text = text.replace(f"<{name}>", f"{words.rstrip('.')} [{n}].")
    passages = (passage(words, report=name[0], title=name[0] * 3) for name, words in said.items())
    return certain(answer(*passages, text=text, question=question))


SAND, BOXES, NETS = "Sand keeps boxes cool.", "Boxes cost 4 dollars.", "Nets dry fish in a day."
FIRST = of_quotes("What?", "Quotes from 2 labs:", "### Found", "- Peru: <a> <b1>", a=SAND, b1=BOXES)
SECOND = of_quotes(
    "Why?",
    *("Quotes from 3 labs:", "### Found", "- Peru: <b1> From another, Z: <a>", "- Mali: <a>"),
    *("### Tried", "- Mali: <c>"),
    **{"b1": BOXES, "a": SAND, "c": NETS},
)


@TO_READ
def test_several_answers_have_contents_and_one_list_of_sources(ending: str) -> None:
    words = words_of([FIRST, SECOND], ending, "Cold", "https://x.org/{report}")
    result = words.index(squeezed("Quotes from 3 labs"))
    contents, head = words.index("Contents"), words.index(squeezed("Quotes from 3 labs:"))
    assert contents < result < words.index("2.Why?", result) < head
    # Each answer can be read by itself; its sources have no quotes of their own.
    assert [words.count(squeezed(q).rstrip(".")) for q in (SAND, BOXES, NETS)] == [3, 2, 1]
    sources = words[words.rindex("Sources") :]
    assert [sources.count(f"[{n}]") for n in (1, 2, 3, 4)] == [1, 1, 1, 0]
    assert all(squeezed(f"https://x.org/{name}") in sources for name in "abc")
    alone = words_of([SECOND], ending)
    assert "Contents" not in alone


def test_what_is_compared_and_what_a_model_cites_keeps_its_quotes() -> None:
    text = f"Two labs:\n### Found\n- Peru: {SAND}\n- Mali: no"
    sides = Coverage("compare", sides=("Peru", "Mali"))
    compared = replace(FIRST, text=text, coverage=sides)
    words = export([FIRST, compared], "md", day=DAY).decode()
    assert f"| {SAND} | no |" in words
    assert words.count("Filters") == 1  # nothing is said of an answer without any
    # In the list of sources a quote stands once, with what is said of it and where it stands.
    written = replace(PLAIN, mode="openai:small")
    ((source, *_),) = (s for _, s in make_brief([written, written], "", DAY).parts[-1].source_lists)
    ((label, _), section, asked) = source.quotes[0].facts
    assert (len(source.quotes), label, source.facts) == (1, "Status", (("Report", "one_report"),))
    assert (section, asked[0]) == (("Section", "Énoncé du défi"), "Form question")


def test_what_a_brief_says_is_translated() -> None:
    coverage = Coverage("answer", ("one_report",), ("Perú",), 1041, 12, 9, Filters(year=(2023,)))
    answers = FIRST, SECOND, replace(DOUBTED, coverage=coverage)
    for code, sentences in TRANSLATED.items():
        words = words_of([replace(one, language=code) for one in answers], "md")
        assert all(squeezed(sentence) in words for sentence in ("Why.", *sentences))
        for english in ("Already", "Contents", "Indoubt", "Reason", "Filters"):
            assert english not in words


def test_a_report_s_name_is_escaped_in_its_address() -> None:
    name = "a/../b?c#d <é\"'{report}\ud800"
    escaped = "a%2F..%2Fb%3Fc%23d%20%3C%C3%A9%22%27%7Breport%7D%3F"
    link = report_link("https://labs.example/{report}?v=1", name)
    assert link == f"https://labs.example/{escaped}?v=1"
    assert report_link("", "a") == ""
