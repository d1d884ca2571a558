"""Suggested questions: made from the collection itself, and kept where it answers them."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import fold_tag
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.errors import AskLabsError
from rag.i18n.labels import country_label, value_label
from rag.i18n.translations import Translations, language_code, marked
from rag.types import Answer

_log = logging.getLogger(__name__)
SUGGESTED = 5  # questions on the page
TRIES = 4  # questions of a kind that are asked until one is answered
LONGEST = 90  # characters of a value, a title or a form question that is suggested
FOLLOWING = 3  # questions under an answer
FEW = 3  # labs; a collection of fewer is asked about its reports
# What a kind of question is called on the page, and an example of it.
Example = tuple[str, str]
TOPIC, ONE = marked("Learn about a topic"), marked("One report or lab")
COMPARE, COUNT = marked("Compare"), marked("List and count")
SURVEY = marked("Survey a topic")  # its example is a topic, for the view of surveys
# A kind of question, how many labs an answer must cite (0: tags must answer), and examples, best
# first.
_Kind = tuple[str, int, Sequence[str]]


class Suggestions:
    """An example of each kind of question that the collection answers, by language.

    They are renewed with the index.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._lock = engine, threading.Lock()
        self._answered: dict[tuple[str, str], list[Example]] = {}

    def first(self, t: Translations) -> list[Example]:
        """What can be shown at once: the answered questions, or those that tags should answer."""
        known = self._answered.get((self._engine.revision, language_code(t)))
        tags = ((kind, asked[0]) for kind, labs, asked in _kinds(self._engine, t) if not labs)
        return list(islice(tags, SUGGESTED)) if known is None else known

    def answered(self, t: Translations) -> list[Example]:
        """The questions that are answered; asks them first, which takes seconds, once."""
        with self._lock:
            at = self._engine.revision, language_code(t)
            if at not in self._answered:
                current = {key: value for key, value in self._answered.items() if key[0] == at[0]}
                try:
                    self._answered = current | {at: list(islice(self._good(t), SUGGESTED))}
                except AskLabsError as error:
                    _log.warning("no question could be tried: %s", error)
                    return self.first(t)
            return self._answered[at]

    def _good(self, t: Translations) -> Iterator[Example]:
        engine = self._engine.without_model()
        for kind, labs, questions in _kinds(self._engine, t):
            if kind == SURVEY:
                yield kind, questions[0]
                continue
            for question in questions[:TRIES]:
                answer = engine.ask(question).answer
                cited = {citation.passage.report.lab for citation in answer.citations}
                by_tags = answer.mode == "catalogue"
                if not answer.refused and (len(cited) >= labs if labs else by_tags):
                    yield kind, question
                    break


def _kinds(engine: Engine, t: Translations) -> list[_Kind]:
    """Questions that suit the collection; no kind is empty."""
    few = len(engine.catalog.counts("country")) < FEW
    kinds = _about_reports(engine, t) if few else _about_labs(engine.catalog, t)
    return [kind for kind in kinds if kind[2]]


def _about_reports(engine: Engine, t: Translations) -> Iterator[_Kind]:
    reports = engine.catalog.reports.values()
    if any(report.methods for report in reports):
        yield COUNT, 0, [t.gettext("Which methods were used?")]
    if any(report.datasources for report in reports):
        yield COUNT, 0, [t.gettext("Which data sources were used?")]
    if any("total_cost" in report.facts for report in reports):
        yield COUNT, 0, [t.gettext("What did it cost?")]
    titles = [report.title for report in reports if len(report.title) <= LONGEST]
    yield ONE, 1, _each(t.gettext("What is “{value}” about?"), titles)
    prompts = Counter(p.prompt for p in engine.passages if p.prompt.endswith("?"))
    form_questions = [prompt for prompt, _ in prompts.most_common() if len(prompt) <= LONGEST]
    yield from ((ONE, 1, form_questions[n::SUGGESTED]) for n in range(SUGGESTED))


def _about_labs(catalog: Catalog, t: Translations) -> Iterator[_Kind]:
    themes = {}
    for theme in _common(catalog, "theme")[: TRIES + 1]:
        name = value_label("theme", theme, t)
        themes[theme] = name[0].lower() + name[1:] if name[1:2].islower() else name
    yield TOPIC, FEW, _each(t.gettext("What did the labs learn about {value}?"), themes.values())
    labs = [country_label(lab, t) for lab in _common(catalog, "country")]
    yield ONE, 1, _each(t.gettext("What is {value} working on?"), labs)
    by_theme = ((_working_on(catalog, x), name) for x, name in islice(themes.items(), 1, None))
    yield COMPARE, 2, [_versus(labs, name, t) for labs, name in by_theme if len(labs) > 1]
    methods = [value_label("method", method, t) for method in _common(catalog, "method")]
    yield COUNT, 0, _each(t.gettext("Which labs used {value}?"), methods)
    yield SURVEY, 0, list(themes.values())


def follow_ups(answer: Answer, catalog: Catalog, t: Translations) -> list[str]:
    """Up to three questions that go on from an answer, each of which the tags say has an answer."""
    cited = dict.fromkeys(citation.passage.report.id for citation in answer.citations)
    ids = list(cited or answer.coverage.reports)
    infos = [catalog.reports[i] for i in ids if i in catalog.reports]
    if answer.refused or not infos:
        return []
    asked = fold_tag(answer.question)
    themes, methods = (
        [
            value
            for value, _ in Counter(v for info in infos for v in getattr(info, key)).most_common()
            if fold_tag(value) not in asked and " " in value and len(value) <= LONGEST
        ]
        for key in ("thematic_areas", "methods")
    )
    made = []
    for theme in themes[:TRIES]:
        labs = _working_on(catalog, theme)
        if len(labs) >= FEW:
            name = value_label("theme", theme, t)
            made.append(t.gettext("What did the labs learn about {value}?").format(value=name))
            made.append(_versus(labs, name, t))
            break
    if methods:
        used = value_label("method", methods[0], t)
        made.append(t.gettext("Which labs used {value}?").format(value=used))
    if len(infos[0].countries) == 1:
        lab = country_label(infos[0].countries[0], t)
        made.append(t.gettext("What is {value} working on?").format(value=lab))
    return [question for question in made if question != answer.question][:FOLLOWING]


def _working_on(catalog: Catalog, theme: str) -> list[str]:
    return _common(catalog, "country", Filters(theme=(theme,), author=("lab",)))


def _versus(labs: Sequence[str], theme: str, t: Translations) -> str:
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
