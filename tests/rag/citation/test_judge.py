"""The model's say on sentences that are supported in part."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from openai_server import Reply, ScriptedServer
from passages import passage

from rag.citation.checker import check
from rag.citation.judge import make_judge
from rag.settings import Settings
from rag.types import Status

ICE = passage("Women sell smoked fish at the market because ice is dear in the summer.")
PARTLY = "In Peru the women of Catacaos sell smoked fish at the market because ice is dear"
PAIRS = [("Ice is dear.", "Ice is dear in June."), ("Ice is free.", "Ice is dear in June.")]


def settings(server: ScriptedServer, *, judge: bool = True) -> Settings:
    return Settings(model="openai:test", openai_base_url=server.url, judge=judge)


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("1: yes\n2: no", ["supported", "unsupported"]),
        ("Here you are:\n**1**: Yes.\n2 - partly", ["supported", "partly"]),
        ("2: no", [None, "unsupported"]),
        ("7: yes\nI can't tell.", [None, None]),
    ],
)
def test_a_reply_is_read_line_by_line(
    server: ScriptedServer, reply: str, found: Sequence[Status | None]
) -> None:
    server.script(Reply((reply,)))
    judge = make_judge(settings(server))
    assert judge is not None
    assert list(judge(PAIRS)) == list(found)
    assert len(server.requests) == 1


def test_a_model_that_fails_has_no_opinion(server: ScriptedServer) -> None:
    server.script(Reply(status=500))
    judge = make_judge(settings(server))
    assert judge is not None
    assert list(judge(PAIRS)) == [None, None]


def test_there_is_no_judge_unless_one_is_wanted(server: ScriptedServer) -> None:
    assert make_judge(settings(server, judge=False)) is None
    assert make_judge(Settings(model="extractive", judge=True)) is None


@pytest.mark.parametrize(
    ("said", "status"), [("supported", "supported"), (None, "partly"), ("partly", "partly")]
)
def test_it_decides_on_what_is_supported_in_part(said: Status | None, status: Status) -> None:
    done = check(f"{PARTLY} [1].", [ICE], "en", strict=True, judge=lambda _: [said])
    assert done.statuses == {f"{PARTLY}.": status}


def test_what_it_denies_is_struck() -> None:
    done = check(f"{PARTLY} [1].", [ICE], "en", strict=True, judge=lambda _: ["unsupported"])
    assert not done.text
    assert done.struck[0].reason.code == "rejected_by_a_model"


def test_it_is_not_asked_about_what_is_decided() -> None:
    def never(pairs: Sequence[tuple[str, str]]) -> Sequence[Status | None]:
        raise AssertionError(pairs)

    done = check("In Peru women sell smoked fish at the market [1].", [ICE], "en", True, never)
    assert done.counts == {"supported": 1}
    wrong = check("In Peru 43 women sell smoked fish at the market [1].", [ICE], "en", True, never)
    assert wrong.struck
