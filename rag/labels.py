"""What the product's own values are called before a reader, on the page and in briefs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from babel import Locale
from babel.numbers import get_decimal_symbol

from rag.translate import ENGLISH, Words, code_of, marked, number, plural
from rag.types import Answer, ReportInfo

FILTER_WORDS = {
    "country": marked("Lab"),
    "year": marked("Year"),
    "type": marked("Type"),
    "kind": marked("Kind"),
    "method": marked("Method"),
    "datasource": marked("Data source"),
    "sdg": marked("SDG"),
    "theme": marked("Theme"),
    "language": marked("Language"),
    "fact": marked("Fact"),
}
MODE_WORDS = {
    "extractive": marked("Quoted sentences, no language model"),
    "catalogue": marked("Counted from the reports' tags, no language model"),
}
STAGE_WORDS = {
    "intention": marked("What the lab planned"),
    "finding": marked("What the lab found"),
    "partner": marked("Who took part"),
    "method": marked("How the lab went about it"),
    "evidence": marked("Evidence the lab gave"),
    "admin": marked("Project details"),
}
KIND_WORDS = {
    "plan": marked("Plan"),
    "closing": marked("Closing"),
    "experiment": marked("Experiment"),
    "solution": marked("Solution"),
}
# What the section of a report's tags (`rag.types.FACTS`) is called.
FACTS_HEADING = marked("Facts of this report")
_SEPARATORS = {", ": marked(", "), "; ": marked("; ")}
_NOUNS = {
    "report": plural("{n} report", "{n} reports"),
    "more report": plural("{n} more report", "{n} more reports"),
    "lab": plural("{n} lab", "{n} labs"),
    "source": plural("{n} source", "{n} sources"),
    "passage": plural("{n} passage", "{n} passages"),
    "sentence": plural("{n} sentence", "{n} sentences"),
    "form question": plural("{n} form question", "{n} form questions"),
    "citation": plural("{n} citation", "{n} citations"),
}


def counted(value: int, noun: str, words: Words = ENGLISH) -> str:
    """A number with its noun: "1 report", "1,204 reports"."""
    return words.ngettext(*_NOUNS[noun], value).format(n=number(words, value))


def joined(words: Words, separator: Literal[", ", "; "], parts: Sequence[str]) -> str:
    """Parts of a sentence with what the language writes for a comma or semicolon between them."""
    return words.gettext(_SEPARATORS[separator]).join(parts)


def kind_words(info: ReportInfo, words: Words = ENGLISH) -> str:
    """What sort of report it is, in words: its kind, or the type that it is tagged with."""
    kind = info.kind or info.type
    known = KIND_WORDS.get(kind)
    return words.gettext(known) if known else kind.capitalize()


def language_words(code: str, words: Words = ENGLISH) -> str:
    """A language by its name: "French"; by its code where it has none."""
    return str(Locale(code_of(words)).languages.get(code, code))


def mode_words(mode: str, words: Words = ENGLISH) -> str:
    """Who wrote an answer, in words: no model, or the model by its name."""
    known = MODE_WORDS.get(mode)
    return words.gettext(known) if known else words.gettext("Written by {model}").format(model=mode)


def run_sentence(answer: Answer, words: Words = ENGLISH) -> str:
    """From what a model wrote an answer, in how long, and what that cost where it is known."""
    run, tokens, spent = answer.run, answer.tokens, answer.timings
    said = words.gettext(
        "Prompt version {version}; {read} tokens read, {written} written; planned in {plan} ms, "
        "searched in {search} ms, written in {write} ms"
    ).format(
        version=run.prompt_version,
        read=number(words, tokens.get("prompt", 0)),
        written=number(words, tokens.get("completion", 0)),
        plan=number(words, round(spent.get("plan_ms", 0))),
        search=number(words, round(spent.get("retrieve_ms", 0))),
        write=number(words, round(spent.get("answer_ms", 0))),
    )
    if run.cost_usd is None:
        return f"{said}."
    cost = words.gettext("about {cost} US dollars at list prices of {month}")
    dollars = f"{run.cost_usd:.4f}".replace(".", get_decimal_symbol(code_of(words)))
    both = joined(words, "; ", [said, cost.format(cost=dollars, month=run.prices_of)])
    return f"{both}."
