"""Words that support a sentence, the citations that carry them, and which can be quoted."""

from dataclasses import replace

import pytest
from passages import passage, report

from rag.citation.quotable import usable
from rag.citation.quotes import best_support, reading_order, resolve
from rag.text.citation_marks import change_marks
from rag.types import FACTS, FREE_TEXT

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
    ):
        (own,) = usable(source := passage(text, prompt=prompt))
        support = best_support(f"Peru (2023, plan): {own.text}", source, "en")
        assert (own.text, support) == (shown, (text[own.start : own.end], "supported"))
    assert usable(passage("No", prompt=FREE_TEXT)) == ()
