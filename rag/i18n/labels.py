"""What the product's own values are called before a reader, on the page and in briefs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from babel import Locale
from babel.numbers import get_decimal_symbol

from rag.catalog.fields import TAGS, ReportInfo
from rag.i18n.translations import (
    ENGLISH,
    Words,
    code_of,
    marked,
    number,
    plural,
)
from rag.places.countries import resolve_country
from rag.types import Answer

FILTER_WORDS = {
    "country": marked("Lab"),
    "year": marked("Year"),
    "type": marked("Type"),
    "kind": marked("Kind"),
    **{name: tag.one for name, tag in TAGS.items()},
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
# Types of report whose tag says little to a reader; of others there are `KIND_WORDS`.
TYPE_WORDS = {"learningplan": marked("Action learning plan")}
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


def reports_and_labs(reports: int, labs: int, words: Words) -> dict[str, str]:
    """How many `reports` of how many `labs`, to be put into a message with these two names."""
    return {"reports": counted(reports, "report", words), "labs": counted(labs, "lab", words)}


def joined(words: Words, separator: Literal[", ", "; "], parts: Sequence[str]) -> str:
    """Parts of a sentence with what the language writes for a comma or semicolon between them."""
    return words.gettext(_SEPARATORS[separator]).join(parts)


def labelled(words: Words, label: str, value: str) -> str:
    """A label and its value with what the language writes between them: "Peru: ..."."""
    return words.gettext("{label}: {value}").format(label=label, value=value)


def kind_words(info: ReportInfo, words: Words) -> str:
    """What sort of report it is, in words: its kind, or the type that it is tagged with."""
    kind = info.kind or info.type
    known = (KIND_WORDS | TYPE_WORDS).get(kind)
    return words.gettext(known) if known else kind.capitalize()


@lru_cache(maxsize=2048)
def _country(name: str, language: str) -> str:
    known = resolve_country(name)
    return str(Locale(language).territories.get(known[0], name)) if known else name


def country_words(name: str, words: Words) -> str:
    """A lab's name, which may list several countries, in the reader's language.

    In English, and where it names no country that is known, it is as its report has it.
    """
    language = code_of(words)
    if language == "en":
        return name
    whole = _country(name, language)
    if whole != name or ", " not in name:
        return whole
    return joined(words, ", ", [_country(part, language) for part in name.split(", ")])


def lab_words(info: ReportInfo, words: Words) -> str:
    """The lab of a report in the reader's language."""
    return joined(words, ", ", [country_words(name, words) for name in info.countries]) or (
        words.gettext("Unknown lab")
    )


def value_words(field: str, value: str | int, words: Words) -> str:
    """A filter's value as a reader is shown it; tags that labs made up stay as they are."""
    said = str(value)
    if field == "country":
        return country_words(said, words)
    if field == "language":
        return language_words(said, words)
    known = (TYPE_WORDS | KIND_WORDS).get(said) if field in ("type", "kind") else None
    if known is None or (field == "kind" and code_of(words) == "en"):
        return said
    return words.gettext(known) if field == "type" else words.gettext(known).lower()


def language_words(code: str, words: Words = ENGLISH) -> str:
    """A language by its name: "French"; by its code where it has none."""
    return str(Locale(code_of(words)).languages.get(code, code))


def mode_words(mode: str, words: Words) -> str:
    """Who wrote an answer, in words: no model, or the model by its name."""
    known = MODE_WORDS.get(mode)
    return words.gettext(known) if known else words.gettext("Written by {model}").format(model=mode)


def run_sentence(answer: Answer, words: Words) -> str:
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
