"""How an answer was written is exported with it: model, prompt, tokens, cost where it is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from answers import PLAIN

from rag.export.answer_json import answer_to_dict
from rag.export.formats import export
from rag.models.prompts import PROMPT_VERSION
from rag.models.tokens import PRICES_OF
from rag.types import Answer, GenerationRecord


def written(run: GenerationRecord) -> Answer:
    return replace(PLAIN, mode=run.model, generation=run)


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
