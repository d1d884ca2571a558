"""Tokens: their count without a download, the windows of models, and what of a prompt fits."""

import pytest
from passages import hits

from rag.models.prompts import answer_messages
from rag.models.tokens import SHARE, WINDOW, Budget, count_tokens, make_budget, own_encoding
from rag.settings import Settings
from rag.types import Plan

PLAN = Plan("What sells?", "What sells?")
TEXTS = [f"Report {n} says that honey sells well. " * 10 for n in range(1, 9)]


@pytest.mark.parametrize(
    ("model", "window"),
    [
        ("gpt-4o-2024-08-06", 128_000),
        ("ft:gpt-4o-mini:lab:x:1", 128_000),
        ("gpt-4.1-of-mine", WINDOW),
    ],
)
def test_windows_of_openai_s_models_are_known(model: str, window: int) -> None:
    assert make_budget(Settings(model=f"openai:{model}")).window == window
    settings = Settings(model=f"openai:{model}", context_window=5000, answer_tokens=100)
    assert make_budget(settings) == Budget(model, 5000, 100)


def test_tokens_are_counted_by_the_model_s_own_table_and_without_a_download() -> None:
    # Tests reach no other machine.
    assert count_tokens("hello there") == count_tokens("hello there", "gpt-4o") == 2


@pytest.mark.parametrize("model", ["gpt-4", "llama3.2"])
def test_passages_are_left_out_whole_and_from_the_last(model: str) -> None:
    found = hits(*TEXTS)
    sizes = set()
    for window in range(300, 4000, 50):
        budget = Budget(model, window, 100)
        fitting = budget.fitting(PLAN, found, ())
        sizes.add(len(fitting))
        assert list(fitting) == found[: len(fitting)]
        usable = window if own_encoding(model) else SHARE * window
        if fitting:
            assert budget.tokens(answer_messages(PLAN, fitting, ())) + 100 <= usable
        if len(fitting) < len(found):
            more = budget.tokens(answer_messages(PLAN, found[: len(fitting) + 1], ()))
            assert more + 100 + len(found) > usable - 1
    assert sizes == set(range(9))
