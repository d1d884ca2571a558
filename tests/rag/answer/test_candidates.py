"""Which sentences answer: by what they count, by their form question, by the report they are of."""

from dataclasses import replace

import pytest
from passages import passage, report

from rag.answer.candidates import USUALLY_HELD, Candidate, covered, find_candidates, kind_wanted
from rag.catalog.tag_fields import Filters
from rag.models.embeddings import make_embedding
from rag.retrieval.hybrid import READ_WHOLE, whole_reports
from rag.settings import Settings
from rag.types import FACTS, Alike, Hit, Plan

pytestmark = pytest.mark.quality
EMBEDDING = make_embedding(Settings())


def found(question: str, subject: str, *hits: Hit) -> list[Candidate]:
    plan = Plan(question, question, subject=subject)
    return find_candidates(plan, hits, EMBEDDING)


def best(question: str, subject: str, *hits: Hit) -> Candidate:
    return max(found(question, subject, *hits), key=lambda candidate: candidate.score)


def test_a_number_of_what_is_counted_goes_before_other_numbers() -> None:
    text = "The audit of heat took 12 weeks in all. With an audit of heat we saw 222 households."
    weeks, homes = found("How many homes got a heat audit?", "", Hit(passage(text), 1.0))
    assert homes.score > weeks.score


def test_what_stands_under_the_question_that_is_asked_goes_first() -> None:
    stall = passage("The fish stall of Lima sells smoked fish every day.")
    proven = passage("Partially proven.", prompt="Was the hypothesis proven or disproven?")
    question = "did the fish stall in Lima work?"
    first = best(question, "fish stall Lima", Hit(stall, 1.0, 0.8), Hit(proven, 0.0))
    assert first.fits
    assert first.text.endswith("Partially proven.")


def test_what_was_learned_is_told_by_the_closing_not_by_its_plan() -> None:
    plan = "The smoked fish stall of Lima sells to women."
    closing = "Women buy smoked fish at dusk. The fish stall in Lima is empty at noon."
    planned = Hit(passage(plan, report("plan"), prompt="Challenge"), 1.0, 0.6)
    learned = Hit(passage(closing, report("closing")), 0.8, 0.5)
    question = "lessons of the smoked fish stall in Lima"
    assert best(question, "smoked fish stall Lima", planned, learned).report == "closing"


def test_the_plan_that_is_named_by_its_year_answers() -> None:
    later = passage("The stall of Lima sold 40 fish.", report("later", year=2023))
    early = passage("We hope for the stall of Lima.", report("early", year=2022))
    hits = (Hit(later, 1.0, 0.8), Hit(early, 0.5, 0.2))
    question = "how many fish did the stall sell"
    plan = Plan(question, question, boosted=Filters(year=(2022,), type=("learningplan",)))
    assert {c.report for c in find_candidates(plan, hits, EMBEDDING)} == {"early"}
    # A year alone may be when something was.
    plan = replace(plan, boosted=Filters(year=(2022,)))
    assert {c.report for c in find_candidates(plan, hits, EMBEDDING)} == {"early", "later"}


def test_a_tag_or_an_answer_to_what_is_asked_needs_no_form_question_before_it() -> None:
    text = "Total cost: Less than 1,000 USD\nControl group: none"
    facts = replace(passage(text, prompt=FACTS), section=FACTS)
    told = found("what did the fish stall cost", "fish stall", Hit(facts, 1.0))
    assert [c.text for c in told if c.fits] == ["Total cost: Less than 1,000 USD"]
    prompt = "Who are your top 5 partners for this challenge? Please name them."
    text = "Market Women's League of Lima\nCivil society"
    hit = Hit(passage(text, prompt=prompt), 1.0)
    [partner] = found("who are the partners of the fish stall", "fish stall", hit)
    assert partner.text == "Market Women's League of Lima; Civil society"


def test_a_question_asks_for_what_a_form_does() -> None:
    for question, language, kind in (
        ("How much money was spent on the smoked fish?", "en", "cost"),
        ("Why do women sell smoked fish?", "en", ""),
        ("smoked fish in Lima: which hypotheses?", "en", "hypothesis"),
        ("how long did the fish stall take", "en", "duration"),
        ("smoked fish proven?", "en", "outcome"),
        ("who did they do it with?", "en", "partners"),
        ("what's still in the way?", "en", "barriers"),
        ("cuánto pescado se vendió", "es", ""),
        ("combien a couté le stand de poisson", "fr", "cost"),
        ("qu'est-ce qui n'a pas marché avec le stand", "fr", "barriers"),
        ("quantos meses durou a banca de peixe", "pt", "duration"),
        ("مع من عمل المختبر في كشك السمك؟", "ar", "partners"),
        ("في أي مدينة جرت التجربة؟", "ar", ""),
    ):
        assert kind_wanted(Plan(question, question, language)) == kind, question


def test_the_reports_found_first_are_read_whole_and_the_work_of_the_first() -> None:
    infos = [report(f"r{n}") for n in range(READ_WHOLE + 1)]
    closing = report("closing")
    found = [Hit(passage("Found.", info), 1.0) for info in infos]
    others = {info.id: Hit(passage("Not found.", info), 0.0) for info in (*infos, closing)}
    work = {infos[0].id: (infos[0], closing)}

    hits = whole_reports(
        found,
        lambda ids: [h for i in ids for h in (others[i], found[0])],
        lambda info: work.get(info.id, (info,)),
    )

    assert hits[: len(found)] == tuple(found)
    read = [*(info.id for info in infos[:READ_WHOLE]), closing.id]
    assert hits[len(found) :] == tuple(others[i] for i in read)


def test_a_passage_holds_the_words_of_a_question_by_their_rarity() -> None:
    words = (
        Alike(frozenset({"pescador"}), {}, frozenset({"fish"}), 3.0),
        Alike(frozenset({"pirat"}), {"thief": 0.5}, rarity=4.0),
        Alike(frozenset({"cuest"}), {}),
    )
    plan = Plan("", "", "es", alike=words)
    assert covered(plan, passage("They sell fish.")) == pytest.approx(3 / 7)
    assert covered(plan, passage("A thief sells.")) == pytest.approx(4 * 0.5**2 / 7)
    assert covered(replace(plan, alike=words[2:]), passage("They sell.")) == USUALLY_HELD
