"""What the product's own values are called before a reader, on the page and in briefs."""

from __future__ import annotations

from rag.types import Answer

FILTER_WORDS = {
    "country": "Lab",
    "year": "Year",
    "type": "Type",
    "kind": "Kind",
    "method": "Method",
    "datasource": "Data source",
    "sdg": "SDG",
    "theme": "Theme",
    "fact": "Fact",
}
MODE_WORDS = {
    "extractive": "Quoted sentences, no language model",
    "catalogue": "Counted from the reports' tags, no language model",
}


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 report", "1,204 reports"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def run_sentence(answer: Answer) -> str:
    """From what a model wrote an answer, in how long, and what that cost where it is known."""
    run, tokens, spent = answer.run, answer.tokens, answer.timings
    said = (
        f"Prompt version {run.prompt_version}; {tokens.get('prompt', 0):,} tokens read, "
        f"{tokens.get('completion', 0):,} written; planned in {spent.get('plan_ms', 0):,.0f} ms, "
        f"searched in {spent.get('retrieve_ms', 0):,.0f} ms, written in "
        f"{spent.get('answer_ms', 0):,.0f} ms"
    )
    if run.cost_usd is None:
        return f"{said}."
    return f"{said}; about {run.cost_usd:.4f} US dollars at list prices of {run.prices_of}."
