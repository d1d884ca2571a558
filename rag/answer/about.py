"""Answers to talk and to questions about the collection or the product, and examples to ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol

from rag.catalog.catalog import Catalog
from rag.catalog.tag_fields import TAGS, Filters, ReportInfo
from rag.i18n.labels import (
    author_label,
    country_label,
    format_label,
    join_parts,
    kind_label,
    reports_and_labs,
    value_label,
)
from rag.i18n.translations import (
    Translations,
    format_number,
    language_code,
    marked,
    translations_for,
)
from rag.index.interface import Index
from rag.text.citation_marks import defuse
from rag.types import Answer, Coverage, Passage, Plan

# What a kind of question is called on the page, and an example of it.
Example = tuple[str, str]
TOPIC, ONE = marked("Learn about a topic"), marked("One report or lab")
COMPARE, COUNT = marked("Compare"), marked("List and count")
SURVEY = marked("Survey a topic")  # its example is a topic, for the view of surveys
# A kind of question, how many labs an answer must cite (0: tags must answer), and examples, best
# first.
_Kind = tuple[str, int, Sequence[str]]
TRIES = 4  # questions of a kind that are asked until one is answered
LONGEST = 90  # characters of a value, a title or a form question that is suggested
FEW = 3  # labs; a collection of fewer is asked about its reports
_FORM_QUESTIONS = 5  # of them, as examples
_EXAMPLES = 3  # in an answer
_FEW_REPORTS = 3  # a collection of so many is told of report by report
_MOST_NAMED = 8  # how many languages, methods or themes are named
_LABELS = {
    "year": marked("Years"),
    "country": marked("Labs"),
    "language": marked("Languages"),
    "method": TAGS["method"].plural,
    "theme": TAGS["theme"].plural,
    "kind": marked("Kinds of report"),
}


class Holdings(Protocol):
    """What examples are made from: an index, or the engine over it."""

    @property
    def catalog(self) -> Catalog: ...

    @property
    def passages(self) -> Sequence[Passage]: ...


def about_draft(plan: Plan, index: Index) -> Answer:
    """What the collection and the product are, who wrote it, what it holds, and what to ask."""
    t, catalog = translations_for(plan.language), index.catalog
    if plan.about == ("thanks",):
        lines = [t.gettext("You're welcome. Ask another question any time.")]
    else:
        lines = list(_introduction(plan.about, catalog, t))
        fields = [name for name in plan.about if name in _LABELS] if plan.about else ["theme"]
        lines += [_line(name, catalog, t) for name in fields]
        kinds = [asked for kind, _, asked in example_questions(index, t) if kind != SURVEY]
        if kinds:
            lines.append(format_label(t, t.gettext("You can ask, for example"), "").rstrip())
            lines += [f"- {questions[0]}" for questions in kinds[:_EXAMPLES]]
    asked, text = (plan.question, plan.standalone), "\n".join(lines)
    coverage = Coverage(intent="about", filters=plan.filters)
    return Answer(*asked, text, False, (), (), coverage, "catalogue", language_code(t))


def _introduction(about: Sequence[str], catalog: Catalog, t: Translations) -> Iterator[str]:
    """Who answers, and from what."""
    if "greeting" in about:
        yield t.gettext("Hello!")
    if "self" in about:
        yield t.gettext(
            "I am a program, not a person: I look for what the reports say, and show it."
        )
    years = [name for name, _ in catalog.counts("year")] or ["?"]
    yield t.gettext(
        "The collection has {reports} of {labs} of the UNDP Accelerator Labs network, from {first} "
        "to {last}. Answers quote them word for word, with their sources."
    ).format(
        **reports_and_labs(len(catalog.reports), len(catalog.labs()), t),
        first=years[0],
        last=years[-1],
    )
    own = len(catalog.ids(Filters(author=("lab",))))
    if others := len(catalog.reports) - own:
        yield t.gettext(
            "Written by the labs themselves: {own}. By innovators, as solutions that the labs "
            "collected: {others}."
        ).format(own=format_number(t, own), others=format_number(t, others))
    if len(catalog.reports) <= _FEW_REPORTS:
        # "What is this about?" of one report asks for the report.
        yield from (_report_line(info, t) for info in catalog.select(Filters()))


def _report_line(info: ReportInfo, t: Translations) -> str:
    """A report with its tags."""
    who = [author_label(info, t), str(info.year or "?"), kind_label(info, t).lower()]
    tags = [*info.thematic_areas, *info.methods, *info.sdgs]
    title = f"“{defuse(info.title)}” ({join_parts(t, ', ', who)})"
    return format_label(t, f"- {title}", join_parts(t, ", ", tags)) if tags else f"- {title}"


def _line(name: str, catalog: Catalog, t: Translations) -> str:
    """The values of a field with their numbers of reports, or of passages in a language."""
    by_labs = Filters(author=("lab",)) if name == "country" else Filters()
    counts = [*catalog.languages.items()] if name == "language" else catalog.counts(name, by_labs)
    shown = counts
    if name in ("language", "method", "theme"):
        shown = sorted(counts, key=lambda pair: -pair[1])[:_MOST_NAMED]
    values = join_parts(t, ", ", [f"{value_label(name, value, t)} ({n})" for value, n in shown])
    if rest := len(counts) - len(shown):
        values = t.gettext("{named}, and {n} more").format(named=values, n=rest)
    return format_label(t, t.gettext(_LABELS[name]), values)


def example_questions(held: Holdings, t: Translations) -> list[_Kind]:
    """Questions that suit the collection; no kind is empty."""
    few = len(held.catalog.counts("country")) < FEW
    kinds = _about_reports(held, t) if few else _about_labs(held.catalog, t)
    return [kind for kind in kinds if kind[2]]


def _about_reports(held: Holdings, t: Translations) -> Iterator[_Kind]:
    reports = held.catalog.reports.values()
    if any(report.methods for report in reports):
        yield COUNT, 0, [t.gettext("Which methods were used?")]
    if any(report.datasources for report in reports):
        yield COUNT, 0, [t.gettext("Which data sources were used?")]
    if any("total_cost" in report.facts for report in reports):
        yield ONE, 1, [t.gettext("What did it cost?")]
    titles = [report.title for report in reports if len(report.title) <= LONGEST]
    yield ONE, 1, _each(t.gettext("What is “{value}” about?"), titles)
    prompts = Counter(p.prompt for p in held.passages if p.prompt.endswith("?"))
    form_questions = [prompt for prompt, _ in prompts.most_common() if len(prompt) <= LONGEST]
    yield from ((ONE, 1, form_questions[n::_FORM_QUESTIONS]) for n in range(_FORM_QUESTIONS))


def _about_labs(catalog: Catalog, t: Translations) -> Iterator[_Kind]:
    themes = {}
    for theme in _common(catalog, "theme")[: TRIES + 1]:
        name = value_label("theme", theme, t)
        themes[theme] = name[0].lower() + name[1:] if name[1:2].islower() else name
    yield TOPIC, FEW, _each(t.gettext("What did the labs learn about {value}?"), themes.values())
    labs = [country_label(lab, t) for lab in _common(catalog, "country")]
    yield ONE, 1, _each(t.gettext("What is {value} working on?"), labs)
    by_theme = ((working_on(catalog, x), name) for x, name in islice(themes.items(), 1, None))
    yield COMPARE, 2, [versus(labs, name, t) for labs, name in by_theme if len(labs) > 1]
    methods = [value_label("method", method, t) for method in _common(catalog, "method")]
    yield COUNT, 0, _each(t.gettext("Which labs used {value}?"), methods)
    yield SURVEY, 0, list(themes.values())


def working_on(catalog: Catalog, theme: str) -> list[str]:
    """The labs whose reports have a theme, those of the most first."""
    return _common(catalog, "country", Filters(theme=(theme,), author=("lab",)))


def versus(labs: Sequence[str], theme: str, t: Translations) -> str:
    """The question that compares the first two labs."""
    first, second = (country_label(lab, t) for lab in labs[:2])
    versus = t.gettext("Compare {one} and {other} on {theme}")
    return versus.format(one=first, other=second, theme=theme)


def _each(question: str, values: Iterable[str]) -> list[str]:
    return [question.format(value=value) for value in values]


def _common(catalog: Catalog, field: str, filters: Filters = Filters()) -> list[str]:
    """The values of a field, the most used first."""
    # One-word themes ("innovation") are mostly too broad to ask about: they come last.
    broad = field == "theme"
    counts = sorted(
        catalog.counts(field, filters), key=lambda pair: (broad and " " not in pair[0], -pair[1])
    )
    return [value for value, _ in counts if len(value) <= LONGEST]
