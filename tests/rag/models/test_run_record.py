"""How an answer was written is kept with it: model, prompt, tokens, cost where it is known."""

from __future__ import annotations

from datetime import date

import pytest
from answers import PLAIN

from rag.export.answer_json import answer_to_dict
from rag.export.formats import export
from rag.models.chat import Generation
from rag.models.prompts import PROMPT_VERSION
from rag.models.tokens import PRICES_OF, cost_usd
from rag.types import Answer, GenerationRecord


def written(run: GenerationRecord) -> Answer:
    given = {name: getattr(PLAIN, name) for name in Answer.__dataclass_fields__}
    return Answer(**(given | {"mode": run.model, "generation": run}))


def test_a_cost_is_told_only_where_a_price_is_known() -> None:
    assert cost_usd("gpt-4.1-mini", 1_000_000, 500_000) == pytest.approx(1.2)
    assert cost_usd("gpt-4o-mini", 0, 0) == 0
    for model in ("llama3.2", "gpt-5", "o3", "", "gpt-4.1-mini-of-mine"):
        assert cost_usd(model, 1000, 1000) is None


def test_a_record_says_what_is_known_and_no_more() -> None:
    assert Generation().record("2", 10) == GenerationRecord()
    assert Generation("gpt-4o", prompt=1000).record("2", 10) == GenerationRecord("gpt-4o", "2")
    found = Generation("gpt-4o", priced=True, prompt=1000).record("2", 100)
    assert found == GenerationRecord("gpt-4o", "2", pytest.approx(0.0035), PRICES_OF)
    assert Generation("own", priced=True, prompt=1000).record("2", 100) == GenerationRecord(
        "own", "2"
    )


def test_json_and_briefs_carry_it() -> None:
    priced = written(GenerationRecord("gpt-4o", PROMPT_VERSION, 0.0035, PRICES_OF))
    assert answer_to_dict(priced)["detail"]["run"] == {
        "model": "gpt-4o",
        "prompt_version": PROMPT_VERSION,
        "cost_usd": 0.0035,
        "prices_of": PRICES_OF,
    }
    brief = export([priced], "md", day=date(2026, 1, 2)).decode()
    assert f"Prompt version {PROMPT_VERSION}; 3 tokens read, 4 written; planned in 1 ms" in brief
    assert "about 0.0035 US dollars" in brief
    unpriced = export(
        [written(GenerationRecord("own", "2"))], "html", day=date(2026, 1, 2)
    ).decode()
    assert "Prompt version 2" in unpriced
    assert "dollars" not in unpriced
    assert "Prompt version" not in export([PLAIN], "md").decode()
