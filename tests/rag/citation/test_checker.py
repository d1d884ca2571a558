"""What becomes of a model's answer: citations kept, corrected or added, sentences struck."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

import pytest
from openai_server import Reply, ScriptedServer
from passages import passage, report

from rag.citation.checker import check, make_judge
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
        (f"{CLAIM}. [2]", f"{CLAIM} [2].", {"supported": 1}),
        # A wrong citation, none at all, one of two that are needed, one beside the right one.
        (f"{CLAIM} [1].", f"{CLAIM} [2].", {"supported": 1, "corrected": 1}),
        (f"{CLAIM}.", f"{CLAIM} [2].", {"supported": 1, "corrected": 1}),
        (f"{BOTH} [1].", f"{BOTH} [1][2].", {"supported": 1, "corrected": 1}),
        (f"{CLAIM} of Kofi [1][2].", f"{CLAIM} of Kofi [2].", {"partly": 1, "corrected": 1}),
    ],
)
def test_citations_are_corrected(written: str, text: str, counts: dict[str, int]) -> None:
    checked = check(written, READ, "en", strict=True)
    assert (checked.text, checked.counts) == (text, counts)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        (f"{MADE_UP}.", Notice("country_not_cited", {"country": "Antarctica"})),
        (CLAIM.replace("three", "30") + ".", Notice("number_not_cited", {"number": "30"})),
        ("Why do women sell smoked fish?", Notice("asks_a_question")),
    ],
)
def test_what_has_no_support_is_struck_with_the_reason(sentence: str, reason: Notice) -> None:
    text = f"{CLAIM} [2].\n\n{sentence[:-1]} [1]{sentence[-1]} {CLAIM} [2]."
    checked = check(text, READ, "en", strict=True)
    assert checked.text == f"{CLAIM} [2].\n\n{CLAIM} [2]."
    (struck,) = checked.struck
    assert (struck.text, struck.reason) == (sentence, reason)


@pytest.mark.parametrize("frame", ["In short:", "**What labs found:**", "## Findings", "Yes."])
def test_frames_and_headings_stay(frame: str) -> None:
    assert check(f"{frame}\n\n{CLAIM} [2].", READ, "en", strict=True).text.startswith(frame)


PARTLY = "In Peru the women of Catacaos sell smoked fish at the market because ice is dear"
PAIRS = [("Ice is dear.", "Ice is dear in June."), ("Ice is free.", "Ice is dear in June.")]


@pytest.mark.parametrize(
    ("reply", "statuses"),
    [
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
    settings = Settings(model="openai:test", openai_base_url=server.url, judge=True)
    judge = make_judge(settings)
    assert judge
    assert list(judge(PAIRS)) == statuses
    assert make_judge(settings.model_copy(update={"judge": False})) is None


def test_a_judge_decides_only_on_what_is_supported_in_part() -> None:
    decided = f"{CLAIM} [2]. In Peru 43 women sell smoked fish [1]."

    def judge(judged: Status | None, pairs: Sequence[tuple[str, str]]) -> Sequence[Status | None]:
        assert [sentence for sentence, _ in pairs] == [f"{PARTLY}."]
        return [judged]

    for judged, came in (("supported", "supported"), (None, "partly"), ("unsupported", "struck")):
        text, by = f"{PARTLY} [1]. {decided}", partial(judge, judged)  # type: ignore[arg-type]
        assert check(text, READ, "en", True, by).counts == Counter(["supported", "struck", came])
