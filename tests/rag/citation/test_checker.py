"""What becomes of a model's answer: citations kept, corrected or added, sentences struck."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from openai_server import Reply, ScriptedServer
from passages import passage, report

from rag.citation.checker import check, makes_claim
from rag.citation.judge import make_judge
from rag.settings import Settings
from rag.types import Notice, Status

ICE = passage("Women sell smoked fish at the market because ice is dear in the summer.")
WELLS = passage(
    "Farmers share the water of three wells by the hour.", report("wells", "Ghana", "GH")
)
READ = [ICE, WELLS]
CLAIM = "In Ghana farmers share the water of three wells"
BOTH = "Ice is dear in the summer in Peru, while in Ghana farmers share the water of three wells"
MADE_UP = "Penguins built a bank of ice in Antarctica"


@pytest.mark.parametrize(
    ("written", "text", "counts"),
    [
        (f"{CLAIM} [2].", f"{CLAIM} [2].", {"supported": 1}),
        (f"{CLAIM}. [2]", f"{CLAIM} [2].", {"supported": 1}),
        # A wrong citation, none at all, one of two that are needed, one beside the right one.
        (f"{CLAIM} [1].", f"{CLAIM} [2].", {"supported": 1, "corrected": 1}),
        (f"{CLAIM}.", f"{CLAIM} [2].", {"supported": 1, "corrected": 1}),
        (f"{BOTH} [1].", f"{BOTH} [1][2].", {"supported": 1, "corrected": 1}),
        (f"{CLAIM} [1][2].", f"{CLAIM} [2].", {"supported": 1, "corrected": 1}),
        (f"{CLAIM} of Kofi [1][2].", f"{CLAIM} of Kofi [2].", {"partly": 1, "corrected": 1}),
    ],
)
def test_citations_are_corrected(written: str, text: str, counts: dict[str, int]) -> None:
    done = check(written, READ, "en", strict=True)
    assert (done.text, done.counts) == (text, counts)


def test_what_has_no_support_is_struck_with_the_reason() -> None:
    done = check(f"{CLAIM} [2].\n\n{MADE_UP} [1]. {CLAIM} [2].", READ, "en", strict=True)
    assert done.text == f"{CLAIM} [2].\n\n{CLAIM} [2]."
    (struck,) = done.struck
    assert struck.text == f"{MADE_UP}."
    assert struck.reason.code == "country_not_cited"
    number = check("In Ghana farmers share the water of 30 wells [2].", READ, "en", strict=True)
    assert not number.text
    assert number.struck[0].reason == Notice("number_not_cited", {"number": "30"})


def test_without_strictness_nothing_is_struck() -> None:
    done = check(f"{MADE_UP} [1].", READ, "en", strict=False)
    assert done.text == f"{MADE_UP} [1]."
    assert done.statuses == {f"{MADE_UP}.": "unsupported"}


@pytest.mark.parametrize(
    "sentence",
    ["In short:", "**What labs of West Africa found:**", "## Findings of labs", "Yes."],
)
def test_frames_and_headings_make_no_claim(sentence: str) -> None:
    assert not makes_claim(sentence)
    done = check(f"{sentence}\n\n{CLAIM} [2].", READ, "en", strict=True)
    assert done.text == f"{sentence}\n\n{CLAIM} [2]."


def test_a_question_of_the_model_s_own_is_struck_and_one_of_a_report_is_not() -> None:
    done = check(f"{CLAIM} [2]. Why do women sell smoked fish [1]?", READ, "en", strict=True)
    assert done.text == f"{CLAIM} [2]."
    assert done.struck[0].reason == Notice("asks_a_question")
    question = "What would make farmers share the water of their wells"
    assert not check(f"{question} [1]?", [passage(f"{question}?")], "en", strict=True).struck


PARTLY = "In Peru the women of Catacaos sell smoked fish at the market because ice is dear"
PAIRS = [("Ice is dear.", "Ice is dear in June."), ("Ice is free.", "Ice is dear in June.")]


def settings(server: ScriptedServer, *, judge: bool = True) -> Settings:
    return Settings(model="openai:test", openai_base_url=server.url, judge=judge)


@pytest.mark.parametrize(
    ("reply", "statuses"),
    [
        (Reply(("1: yes\n2: no",)), ["supported", "unsupported"]),
        (Reply(("Here you are:\n**1**: Yes.\n2 - partly",)), ["supported", "partly"]),
        (Reply(("2: no",)), [None, "unsupported"]),
        (Reply(("7: yes\nI can't tell.",)), [None, None]),
        (Reply(status=500), [None, None]),
    ],
)
def test_a_judge_s_reply_is_read_line_by_line(
    server: ScriptedServer, reply: Reply, statuses: Sequence[Status | None]
) -> None:
    server.script(reply)
    judge = make_judge(settings(server))
    assert judge is not None
    assert list(judge(PAIRS)) == statuses


def test_there_is_no_judge_unless_one_is_wanted(server: ScriptedServer) -> None:
    assert make_judge(settings(server, judge=False)) is None
    assert make_judge(Settings(model="extractive", judge=True)) is None


@pytest.mark.parametrize(
    ("judged", "status"), [("supported", "supported"), (None, "partly"), ("partly", "partly")]
)
def test_a_judge_decides_on_what_is_supported_in_part(
    judged: Status | None, status: Status
) -> None:
    done = check(f"{PARTLY} [1].", [ICE], "en", strict=True, judge=lambda _: [judged])
    assert done.statuses == {f"{PARTLY}.": status}
    denied = check(f"{PARTLY} [1].", [ICE], "en", strict=True, judge=lambda _: ["unsupported"])
    assert not denied.text
    assert denied.struck[0].reason == Notice("rejected_by_a_model")


def test_a_judge_is_not_asked_about_what_is_decided() -> None:
    def never(pairs: Sequence[tuple[str, str]]) -> Sequence[Status | None]:
        raise AssertionError(pairs)

    done = check("In Peru women sell smoked fish at the market [1].", [ICE], "en", True, never)
    assert done.counts == {"supported": 1}
    wrong = check("In Peru 43 women sell smoked fish at the market [1].", [ICE], "en", True, never)
    assert wrong.struck
