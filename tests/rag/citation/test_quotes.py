"""Words that support a sentence, which can be quoted, and where they stand in their file."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from passages import passage, report

from rag.citation.quotable import is_hypothesis, usable
from rag.citation.quotes import (
    best_support,
    fold_text,
    quoted,
    reading_order,
    resolve,
    still_stands,
    verbatim,
)
from rag.text.citation_marks import change_marks
from rag.types import FACTS, FREE_TEXT

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


def test_a_quote_is_found_at_its_place_or_cut_to_what_stands() -> None:
    for quote, left, words in (
        ('sell fish every "single" day', None, "sell&nbsp;fish\nevery “single” day"),
        ("& dusk", None, "&amp;amp; dusk"),
        ("Women sell fish every day", "sell fish every", "sell&nbsp;fish\nevery"),
    ):
        assert located(quote) == (left or quote, words)
    for nowhere in ("at night", "", "  ", "women sell", "day, evening, night"):
        assert verbatim(nowhere, RAW) is None
    # The passage's own place is taken, and no masked words.
    raw = "Ice is dear. Boats wait. Ice is dear. Nets dry. Ice is dear."
    assert verbatim("Ice is dear", raw) == ("Ice is dear", (0, 11))
    assert verbatim("Ice is dear", raw, [(24, 38)]) == ("Ice is dear", (25, 36))
    assert verbatim("dear. Nets dry", raw, [(24, 37), (38, 47)]) == ("dear. Nets dry", (32, 46))
    assert verbatim("Boats wait", raw, [(38, 47)]) == ("Boats wait", (13, 23))
    raw = "Ask the lady who sells ice on +51 912 345 678 or ········ before noon on Sundays."
    masked = raw.replace("51 912 345 678", "•• ••• ••• •••")
    assert located(masked, raw) == ("Ask the lady who sells ice on",) * 2
    assert located("or ········ before noon on Sundays", raw)[0] == "before noon on Sundays"
    # Accents and ligatures belong to their letters.
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


WOMEN = passage("Women sell fish every day. Ice is dear. They lost 1 049 kg in 2022.")


def test_the_sentence_with_most_words_supports() -> None:
    for sentence, quote, status in (
        ("Peru (2023, plan): Ice is dear", "Ice is dear.", "supported"),
        ("In Peru they lost 1,049 kg of fish in 2022", "They lost 1 049 kg in 2022.", "supported"),
        ("They lost 1,050 kg in 2022", "They lost 1 049 kg in 2022.", "partly"),
        ("Drones carry vaccines to clinics", "Women sell fish every day.", "unsupported"),
    ):
        (citation,) = resolve(f"{sentence} [1].", [WOMEN], "en")
        assert (citation.quote, citation.status) == (quote, status)


OLDER = "Older people find the letters on the price board too small to read."
ICE = "A stall has only 4 boxes of\n\nice, and by noon they have melted in the sun."
MARKET = passage(
    "We have learned that:\nhttps://fish.example/personas-mayores-puesto-4-glace\n"
    "The women of the port sell their catch at dawn, when the buyers from the city come. "
    f"{OLDER} The lab is going to print larger ones with the help of a school.\n{ICE}"
)


def test_a_quote_is_a_whole_sentence_with_the_number_told_and_no_head_of_a_list() -> None:
    assert best_support("We have learned that there are 4 boxes.", MARKET, "en")[0] == ICE
    table = passage("| Port | Boxes |\n|---|---|\n| Lima | 4 |\n| Cusco | 9 |")
    assert best_support("Cusco has 9 boxes.", table, "en")[0] == "| Cusco | 9 |"
    trial = passage(
        "Households that got a bin sorted more of their waste. In the first month we weighed it at "
        "the gate of the yard. It came to 771 kg, and to half as much before."
    )
    quote, _ = best_support("Households that got a bin sorted 771 kg of waste.", trial, "en")
    assert quote == "It came to 771 kg, and to half as much before."


@pytest.mark.quality
def test_across_languages_meaning_supports() -> None:
    for sentence, language, quote in (
        ("Les personnes âgées trouvent les lettres du panneau trop petites.", "fr", OLDER),
        ("Cada puesto tiene 4 cajas de hielo, que se derriten al sol.", "es", ICE),
    ):
        assert best_support(sentence, MARKET, language)[0] == quote


def test_a_citation_carries_the_words_of_its_passage_once() -> None:
    radio = passage("Radio reaches the islands.", report("other"))
    text = "Ice is dear [1]. Radio reaches the islands [2][7]. Ice is dear [1]."
    cited = resolve(text, [WOMEN, radio], "en")
    assert [(c.n, c.quote) for c in cited] == [(1, "Ice is dear."), (2, radio.text)]
    # They are numbered as they are read.
    text = "Women sell fish every day [7]. Ice is dear [2][7]."
    number = reading_order(text, resolve(text, [WOMEN] * 9, "en"))
    assert change_marks(text, number) == "Women sell fish every day [1]. Ice is dear [2][1]."


def test_a_fact_is_quoted_by_its_value_and_what_is_near_for_the_question() -> None:
    fact = replace(passage("Assignment type: not by chance\nSample size: 40"), section=FACTS)
    (citation,) = resolve("Peru (2023): Assignment type: not by chance [1].", [fact], "en")
    assert (citation.quote, citation.status) == ("not by chance", "supported")
    text = "The reports don't say.\nNearest: Peru (2023), Title of r [1]."
    (citation,) = resolve(text, [WOMEN], "en", sought="Why is ice dear?")
    assert (citation.quote, citation.status) == ("Ice is dear.", "supported")


def test_sentences_have_what_they_need() -> None:
    for text, shown in {
        "Partners:\n- two ports\n- the market": "Partners: two ports; the market",
        "IF they have ice\nTHEN the fish keeps.": "IF they have ice THEN the fish keeps.",
        "They all sell it\nat noon, to\nkin.": "They all sell it at noon, to kin.",
        f"It is {'very ' * 90}\n\ncold.": f"It is {'very ' * 90}cold.",
        "It gives us : 1. A map. 2. Ice boxes.": "It gives us : A map; Ice boxes.",
        "It opens at 8 - 10 a.m. - or later.": "It opens at 8 - 10 a.m. - or later.",
        "We learned that:": "",
        "They land it at noon daily..": "They land it at noon daily.",
        'They land it at noon daily."': "They land it at noon daily.",
        "“Noon” is when they land it...": "“Noon” is when they land it...",
        "https://a.example/b: They land it at noon.": "They land it at noon.",
        "https://a.example\nThey land it at noon.": "They land it at noon.",
        "www.a.pe lists when all boats land.": "www.a.pe lists when all boats land.",
        "1.\nThe boats land at noon.": "The boats land at noon.",
        "The port\nIts boats land at noon.": "The port: Its boats land at noon.",
        "- The port\n- Its boats land at noon.": "Its boats land at noon.",
        "| Port | Lima |\nhttps://a.example/b\n" + "QUJD" * 20: "",
    }.items():
        source = passage(text, prompt="Q")
        sentences = usable(source)
        assert [own.text for own in sentences] == ([shown] if shown else [])
        for own in sentences:
            support = best_support(f"Peru (2023, plan): {own.text}", source, "en")
            assert support == (text[own.start : own.end], "supported")


def test_a_short_answer_is_shown_with_its_question() -> None:
    for prompt, text, shown in (
        ("The cost? (in USD)", "34 000$", "The cost (in USD): 34 000$"),
        ("Stages: Which are next?", "- Test\n- Grow", "Stages: Test; Grow"),
        ("Proven?", "Partially proven.\nIce is dear.", "Proven: Partially proven."),
        ("Prototype?", "No", "Prototype: No"),
        ("Please describe the tools used.", "- Net\n- Line", "Tools used: Net; Line"),
    ):
        (own,) = usable(source := passage(text, prompt=prompt))
        support = best_support(f"Peru (2023, plan): {own.text}", source, "en")
        assert (own.text, support) == (shown, (text[own.start : own.end], "supported"))
    assert usable(passage("No", prompt=FREE_TEXT)) == ()


def test_what_would_follow_is_a_hypothesis() -> None:
    for text, is_meant in {
        "IF nets are dyed THEN they last longer.": True,
        "Se tingirmos as redes, então elas duram mais.": True,
        "If nets are dyed, they last longer.": False,
        "Se secaron las redes y desde entonces duran más.": False,
        "Si les filets durent, alors que d'autres cassent, ils coûtent.": False,
    }.items():
        assert is_hypothesis(text) == is_meant, text
