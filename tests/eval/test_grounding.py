"""ALCE's citation recall and precision, with a judge whose word is known."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from openai_server import Reply, ScriptedServer
from passages import passage, report

from eval.grounding import (
    Claim,
    alce,
    by_rules,
    make_support,
    sent_ok,
    statements,
)
from rag.errors import SettingsError
from rag.settings import Settings
from rag.types import (
    Answer,
    Citation,
    Coverage,
    Passage,
    Status,
)

A = passage("We gave twelve boats a beacon in the spring.", report("a", "Fiji", "FJ"))
B = passage("The fishers paid for fuel themselves.", report("b", "Fiji", "FJ"))
C = passage("Schools closed early that year.", report("c", "Fiji", "FJ"))
ONE = "The lab gave beacons to twelve fishing boats"
TWO = "The fishers paid for their fuel and got a beacon"


def answer(text: str, *cited: Passage, statuses: Sequence[Status] = ()) -> Answer:
    given = [*statuses, *["supported"] * len(cited)]
    citations = tuple(
        Citation(n, p, p.text, status)  # type: ignore[arg-type]
        for n, (p, status) in enumerate(zip(cited, given, strict=False), start=1)
    )
    return Answer("Q?", "Q?", text, False, citations, (), Coverage("answer"), mode="hand")


def knows(*supported: tuple[str, str]) -> object:
    """A judge for whom a sentence is supported by passages (letters) that hold a known set."""

    def support(claims: Sequence[Claim]) -> list[bool | None]:
        return [
            any(
                claim.sentence.startswith(said)
                and set(needed) <= {p.report.id for p in claim.passages}
                for said, needed in supported
            )
            for claim in claims
        ]

    return support


def figures(text: str, *supported: tuple[str, str]) -> tuple[float | None, float | None]:
    return alce(answer(text, A, B, C), knows(*supported))  # type: ignore[arg-type]


def test_recall_is_the_share_of_sentences_that_their_passages_support_together() -> None:
    text = f"{ONE} [1]. {TWO} [1][2]. Nobody knows what became of them all."
    assert figures(text, (ONE, "a"), (TWO, "ab"))[0] == pytest.approx(2 / 3)
    assert figures(text, (ONE, "a"), (TWO, "c"))[0] == pytest.approx(1 / 3)


def test_a_citation_is_precise_where_it_supports_alone_or_is_needed() -> None:
    needed = f"{TWO} [1][2]."
    assert figures(needed, (TWO, "ab")) == (1.0, 1.0)
    alone = f"{TWO} [1][3]."
    assert figures(alone, (TWO, "a")) == (1.0, 0.5)
    both = f"{TWO} [1][2]."
    assert figures(both, (TWO, "a"), (TWO, "b")) == (1.0, 1.0)


def test_citations_of_a_sentence_without_support_are_not_precise() -> None:
    assert figures(f"{ONE} [1]. {TWO} [2][3].", (ONE, "a")) == (0.5, pytest.approx(1 / 3))


def test_frames_state_nothing_and_no_statement_is_no_figure() -> None:
    assert figures("3 labs wrote:\n" + ONE + " [1].", (ONE, "a")) == (1.0, 1.0)
    assert figures("3 labs wrote:") == (None, None)
    assert figures(f"{ONE}.") == (0.0, None)


def test_what_the_judge_leaves_open_counts_in_neither() -> None:
    found = alce(answer(f"{ONE} [1].", A), lambda claims: [None] * len(claims))
    assert found == (None, None)


def test_statements_carry_the_passages_of_marks_before_and_after_the_full_stop() -> None:
    found = list(statements(answer(f"{ONE} [1]. {TWO}. [2][3]", A, B, C)))
    assert [[p.report.id for p in cited] for _, cited in found] == [["a"], ["b", "c"]]


def test_the_rules_know_words_that_stand_there_and_numbers_that_do_not() -> None:
    def judged(sentence: str) -> bool | None:
        return by_rules([Claim(sentence, (A,), "en")])[0]

    assert judged("We gave twelve boats a beacon in the spring")
    assert judged("Fiji (2023, plan): We gave twelve boats a beacon in the spring")
    assert judged("The lab gave beacons to twelve boats in the spring")
    assert not judged("The lab gave 48 boats a beacon in the spring")
    assert not judged("Schools closed early that year")


def test_the_rules_do_not_take_one_labs_words_for_anothers() -> None:
    claim = Claim("Peru (2023, plan): We gave twelve boats a beacon in the spring", (A,), "en")
    assert by_rules([claim]) == [False]


def test_sent_ok_reads_the_statuses_that_are_shown() -> None:
    text = f"{ONE} [1]. {TWO} [1][2]."
    assert sent_ok(answer(text, A, B)) == 1.0
    assert sent_ok(answer(text, A, B, statuses=("supported", "partly"))) == 0.5
    assert sent_ok(answer(f"{ONE}. {TWO} [1].", A)) == 0.5
    assert sent_ok(answer("")) is None


def test_a_chat_model_judges_all_of_an_answer_at_once(server: ScriptedServer) -> None:
    server.script(Reply(("1: yes\n2: yes\n3: no\n4: yes",)))
    support = make_support(Settings(model="openai:test", openai_base_url=server.url), "model")
    # The first sentence by [1]; the second by [1], by [2], and by both.
    found = alce(answer(f"{ONE} [1]. {TWO} [1][2].", A, B), support)
    assert len(server.requests) == 1
    assert found == (1.0, pytest.approx(2 / 3))


def test_a_judge_wants_a_chat_model() -> None:
    with pytest.raises(SettingsError, match="no chat model"):
        make_support(Settings(model="extractive"), "model")
    assert make_support(Settings(), "rules") is by_rules
