"""Quotes are found in their file to the character, or cut to the words that stand there."""

import re

from hypothesis import given
from hypothesis import strategies as st
from passages import passage

from rag.citation.quotes import fold_text, quoted, still_stands, verbatim

RAW = "They said: **women** sell&nbsp;fish\nevery “single” day, at dawn &amp;amp; dusk."
UNITS = [
    *["ab", "C", "é", "e", "\u0301", "ß", "ﬁ", "…", "´", "가", "ᅡ", "\u09c7", "\u09be", "ｶ", "ﾞ"],
    *[" ", "\n", "\t", "\u00a0", "\u200b", "“", "’", "—", "-", "&", "#", ";", "lt;", "amp;"],
    *["&amp;", "&lt;", "&amp;lt;", "&nbsp;", "&#769;", "&copy", "&#x26;", "&#38;", "ن", "َ", "·"],
]
FILES = st.lists(st.sampled_from(UNITS), max_size=14).map("".join) | st.text(max_size=20)


def located(quote: str, raw: str = RAW) -> tuple[str, str]:
    """The quote that is left, and what stands in its place in the file."""
    place = verbatim(quote, raw)
    return place[0], raw[slice(*place[1])]


def test_a_quote_is_found_or_cut_to_what_stands() -> None:
    for quote, left, words in (
        ('sell fish every "single" day', None, "sell&nbsp;fish\nevery “single” day"),
        ("& dusk", None, "&amp;amp; dusk"),
        ("Women sell fish every day", "sell fish every", "sell&nbsp;fish\nevery"),
    ):
        assert located(quote) == (left or quote, words)
    for nowhere in ("at night", "", "  ", "women sell", "day, evening, night"):
        assert verbatim(nowhere, RAW) is None


def test_the_passage_s_own_place_is_taken_and_no_masked_words() -> None:
    raw = "Ice is dear. Boats wait. Ice is dear. Nets dry. Ice is dear."
    assert verbatim("Ice is dear", raw) == ("Ice is dear", (0, 11))
    assert verbatim("Ice is dear", raw, [(24, 38)]) == ("Ice is dear", (25, 36))
    assert verbatim("dear. Nets dry", raw, [(24, 37), (38, 47)]) == ("dear. Nets dry", (32, 46))
    assert verbatim("Boats wait", raw, [(38, 47)]) == ("Boats wait", (13, 23))
    raw = "Ask the lady who sells ice on +51 912 345 678 or ········ before noon on Sundays."
    quote = "Ask the lady who sells ice on +•• ••• ••• ••• or ········ before noon on Sundays."
    assert located(quote, raw) == ("Ask the lady who sells ice on",) * 2
    assert located("or ········ before noon on Sundays", raw)[0] == "before noon on Sundays"


def test_accents_and_ligatures_belong_to_their_letters() -> None:
    raw = "Le cafe\u0301 ferme\u0301, l&eacute;ger &#233;t&#xe9; ﬁni…"
    assert located("café fermé", raw)[1] == "cafe\u0301 ferme\u0301"
    assert located("léger été", raw)[1] == "l&eacute;ger &#233;t&#xe9;"
    assert located("FINI...", raw)[1] == "ﬁni…"
    assert verbatim("cafe", raw) is None
    assert verbatim("ini...", raw) is None  # begins inside the ligature


@given(FILES, st.integers(0, 20), st.integers(1, 20))
def test_a_span_reads_as_its_quote(raw: str, start: int, length: int) -> None:
    quote = raw[start : start + length]
    place = verbatim(quote, raw, [(start, min(len(raw), start + length))])
    if place:
        assert fold_text(raw[slice(*place[1])]) == fold_text(place[0])
        assert place[0] == quote or place[0] in " ".join(quote.split())
    # A whole file is found in itself.
    assert bool(verbatim(raw, raw)) == bool(fold_text(raw)) or re.search("·{4,}", raw)


def test_a_quote_stands_word_for_word() -> None:
    for quote, raw, place in (
        ("It&nbsp;pays", "now it  pays", (4, 12)),
        ("“Nobody” pays", '"Nobody"\npays', (0, 13)),
        ("Gone now", "Gone for ever now", None),
        # It may move but not lose a part.
        ("keep ninety boxes", "… The vendors keep ninety boxes.", (14, 31)),
        ("The vendors keep ninety boxes", "The vendors keep ninety stalls", None),
    ):
        assert still_stands(quote, raw, [(900, 943)]) == still_stands(quote, raw, []) == place


def test_links_before_the_words_are_not_quoted() -> None:
    for text, words in {
        "https://x.org/a  www.y.org - The nets held.": "- The nets held.",
        "The nets held, says https://x.org/a": "The nets held, says https://x.org/a",
        "https://x.org/a": "https://x.org/a",
    }.items():
        found = quoted(passage(text), (0, len(text)), text)
        assert found == (words, (len(text) - len(words), len(text)))
