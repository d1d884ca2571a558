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
from rag.export.brief import make_brief, report_link
from rag.export.formats import export
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


def in_language(code: str) -> Answer:
    """A plain answer in a language."""
    coverage = Coverage("answer", ("one_report",), ("Perú",), 1041, 12, 9, Filters(year=(2023,)))
    return replace(PLAIN, language=code, coverage=coverage)


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
    words = squeezed(text_of(export([in_language(language)], ending, day=DAY), ending))
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
        (part,) = make_brief([replace(quoted, mode=mode)], "", DAY).parts
        assert [len(source.quotes) for source in part.source_lists[0][1]] == [quotes, quotes]


def test_a_report_s_name_is_escaped_in_its_address() -> None:
    name = "a/../b?c#d <é\"'{report}\ud800"
    escaped = "a%2F..%2Fb%3Fc%23d%20%3C%C3%A9%22%27%7Breport%7D%3F"
    link = report_link("https://labs.example/{report}?v=1", name)
    assert link == f"https://labs.example/{escaped}?v=1"
    assert report_link("", "a") == ""
