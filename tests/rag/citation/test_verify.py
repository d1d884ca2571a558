"""Hard facts: numbers, places and citations that passages have or have not."""

from passages import passage, report

from rag.citation.checker import Claim, Text, Verdict, Verifier
from rag.types import Notice, Passage

ICE = passage(
    "The lab asked 34 women who sell smoked fish from 2 PM. They sell it at the market because ice "
    "is dear in the summer. None of them owns a freezer."
)
GHANA = report("wells", "Ghana", "GH", title="Water by the hour")
WELLS = passage("Farmers share the water of three wells by the hour.", GHANA)
CATCH = passage("They dried 1 049 767 kg of fish, 38,6% of the catch, in the second season.")
CONGO = passage("Boats carry ice.", report("congo", "Democratic Republic of the Congo", "CD"))
GLACE = passage("Les femmes vendent le poisson fumé.", report("glace", "Togo", "TG"), language="fr")
OTHER_CONGO = "Republic of the Congo"
READ = (ICE, WELLS, CATCH, CONGO, GLACE)


def verify(sentence: str, *cited: Passage, question: str = "") -> tuple[Claim, Verdict]:
    claim = Claim(sentence, tuple(READ.index(p) + 1 for p in cited))
    return Verifier(Text([claim], READ, question, "en")).verify(claim)


def test_what_passages_have_is_supported() -> None:
    for sentence, cited in (
        ("The Peruvian lab asked 34 women who sell smoked fish.", ICE),
        ("In Peru they sell smoked fish from 14:00.", ICE),
        # A denial is no hard fact.
        ("All of them owns a freezer.", ICE),
        # A lab, its year, its title, its form question and its kind are words of the passage.
        ("Ghana's plan of 2023, Water by the hour, says what it learned of 3 wells.", WELLS),
        ("1,049,767 kg of fish were dried, 38.6% of the catch in season 2.", CATCH),
        ("In the DRC boats carry ice.", CONGO),
    ):
        assert verify(sentence, cited)[1].status == "supported", sentence


def test_a_number_or_place_that_they_lack_is_named() -> None:
    for sentence, cited, status, name, value in (
        ("The lab in Peru asked 43 women.", ICE, "unsupported", "number", "43"),
        ("The lab in Chile asked 34 women.", ICE, "unsupported", "country", "Chile"),
        # What another passage that was read has is only doubted.
        ("The lab in Ghana asked 34 women.", ICE, "partly", "country", "Ghana"),
        ("Ice is dear in the summer for three women.", ICE, "partly", "number", "3"),
        (f"Boats carry ice in the {OTHER_CONGO}.", CONGO, "unsupported", "country", OTHER_CONGO),
    ):
        verdict = verify(sentence, cited)[1]
        assert (verdict.status, verdict.denied) == (status, status == "unsupported")
        assert verdict.reason == Notice(f"{name}_not_cited", {name: value})


def test_sums_counts_and_the_question_s_own_numbers_are_no_errors() -> None:
    question = "What did 4 labs pay in 2019 in Chile? And did 26 women pay?"
    for sentence in (
        "Of 60 women, 34 sell fish at the market and 26 do not.",
        "These are two labs, Peru and Ghana, and neither gives figures for 2019 on Chile.",
        "The passages do not say what the four labs paid.",
    ):
        assert verify(sentence, question=question)[1].reason is None, sentence


def test_a_citation_moves_only_to_a_passage_that_has_nearly_all_of_the_words() -> None:
    moved, verdict = verify("Farmers share the water of three wells.", ICE)
    assert (moved.cited, verdict.status) == ((2,), "supported")
    for sentence in ("Farmers share boats and ideas at a market.", "Penguins built a bank."):
        same, verdict = verify(sentence, ICE)
        assert (same.cited, verdict.reason) == ((1,), Notice("said_in_part"))
    # Words of another language can't be compared.
    assert verify("Women sell the fish of 5.", GLACE)[1].denied
    claim, verdict = verify("Women sell smoked fish.", GLACE)
    assert (claim.cited, verdict) == ((5,), Verdict("unchecked", covered=1.0))
