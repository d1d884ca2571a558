"""Suggested questions: made from the collection itself, and kept where it answers them."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from rag.answer.about import (
    FEW,
    LONGEST,
    SURVEY,
    TRIES,
    Example,
    example_questions,
    versus,
    working_on,
)
from rag.catalog.catalog import Catalog
from rag.catalog.normalize import fold_tag
from rag.engine import Engine
from rag.errors import AskLabsError
from rag.i18n.labels import country_label, value_label
from rag.i18n.translations import Translations, language_code
from rag.types import Answer

_log = logging.getLogger(__name__)
SUGGESTED = 5  # questions on the page
FOLLOWING = 3  # questions under an answer


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
        kinds = example_questions(self._engine, t)
        tags = ((kind, asked[0]) for kind, labs, asked in kinds if not labs)
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
        for kind, labs, questions in example_questions(self._engine, t):
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
        labs = working_on(catalog, theme)
        if len(labs) >= FEW:
            name = value_label("theme", theme, t)
            made.append(t.gettext("What did the labs learn about {value}?").format(value=name))
            made.append(versus(labs, name, t))
            break
    if methods:
        used = value_label("method", methods[0], t)
        made.append(t.gettext("Which labs used {value}?").format(value=used))
    if len(infos[0].countries) == 1:
        lab = country_label(infos[0].countries[0], t)
        made.append(t.gettext("What is {value} working on?").format(value=lab))
    return [question for question in made if question != answer.question][:FOLLOWING]
