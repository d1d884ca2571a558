"""Columns of surveys: what each report answers to one more question.

A column is a tag ("methods"), or what a form asks for ("barriers"): then every form question counts
that asks for the same, in any form and language, as `columns.toml` shows by example. What no form
asks for is looked for in all that a report says, as a topic of its own.
"""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from rag.catalog.normalize import report_values
from rag.catalog.tag_fields import TAGS
from rag.citation.quotable import usable
from rag.citation.quotes import after_links, verbatim
from rag.errors import InputError
from rag.index.local import Snapshot
from rag.models.client import Stop
from rag.models.embeddings import encode_cached
from rag.models.encoder import LANGUAGE, Vectors, encode_static, unit
from rag.query.conversation import language_in
from rag.query.forms import topic_of
from rag.survey.classifier import judge_topic
from rag.survey.features import Near, Numbers, ReportMeasure
from rag.survey.types import Survey, SurveyCell, SurveyColumn, SurveyRow
from rag.text.tokenize import content_words, language_of, terms
from rag.types import FACTS, Passage, Progress, Span

MOST = 6  # columns of a survey
# A form question asks for what its nearest example does from this nearness on, the sum of two
# cosines and of half the share of terms that both have.
QUESTION_LIKE_EXAMPLE = 0.8
# A column asks for what examples do, or a form question, from this likeness on: how near it is, and
# so many times the cosine of that of its words which is the least like one of theirs. Kinds that
# differ by less are as likely.
LIKE, WORD, ALIKE = 2.4, 2.0, 0.1
LIKE_QUESTION = 1.4  # the least nearness of a column and a form question
CONTACT = "contact"  # the kind of form questions that no column reads
# Probability from which a report answers a free question.
ANSWERS = 0.5
WHOLE = 300  # characters of an answer that is shown whole
HEADING = 120  # characters before a sentence that are shown with it
# What counts in the choice of a report's sentence: its cosines to the topic and to the column, that
# it has so many words, and that it is the first of its answer.
NEAR_TO = np.array([1.0, 0.5])
FULL, FULL_WORDS = 0.3, 12
FIRST = 0.3
AT_A_TIME = 40  # reports between two looks at whether to stop
# The dash of an item of a list, with the end of the item before, if it has no full stop.
_DASH = re.compile(r"([^\s.:;,!?؟]?)\s*^[-–*•]\s+", re.MULTILINE)
_PLACEHOLDERS = frozenset(("", "n/a", "na", "none", "no answer", "no", "other", "."))
_FILE = Path(__file__).with_suffix(".toml").read_text("utf-8")
_LISTED: Mapping[str, Sequence[str]] = tomllib.loads(_FILE)  # examples of each kind


@dataclass(frozen=True, slots=True)
class _Texts:
    dense: Vectors
    static: Vectors
    terms: Sequence[frozenset[str]]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "_Texts":
        stems = [frozenset(terms(text, LANGUAGE)) for text in texts]
        return cls(unit(encode_cached(texts)), encode_static(texts), stems)

    def nearness(self, others: "_Texts") -> Numbers:
        """How alike these texts (rows) are to others (columns)."""
        shared = [[len(a & b) / max(1, len(a) + len(b)) for b in others.terms] for a in self.terms]
        return np.asarray(self.dense @ others.dense.T + self.static @ others.static.T + shared)


@cache
def _examples() -> tuple[Sequence[str], _Texts]:
    """The examples of all kinds: what each asks for, and its text."""
    pairs = [(name, text) for name, texts in _LISTED.items() for text in texts]
    return [name for name, _ in pairs], _Texts.of([text for _, text in pairs])


def _likeness(near: float, name: str, texts: Sequence[str]) -> float:
    """How likely a column, so near to one of these texts, asks for what they do."""
    own, theirs = (
        [word for text in said for word in content_words(text, language_in(text))]
        for said in ([name], texts)
    )
    if not own:
        return near + WORD
    vectors = unit(encode_cached([*own, *theirs]))
    alike = vectors[: len(own)] @ vectors[len(own) :].T
    return near + WORD * float(alike.max(axis=1, initial=0.0).min())


def nearest_kinds(texts: Sequence[str]) -> list[tuple[str, float]]:
    """What each text asks for, such as "cost" or "partners", and how near it is to an example."""
    encode_cached(texts)  # together: the model takes hardly longer for a few texts than for one
    return [nearest_kind(text) for text in texts]


@lru_cache(8192)
def nearest_kind(text: str) -> tuple[str, float]:
    """What a text asks for, and how near it is to an example."""
    names, examples = _examples()
    nearness = _Texts.of([text]).nearness(examples)[0]
    return names[int(nearness.argmax())], float(nearness.max())


@lru_cache(1)
def _forms(snapshot: Snapshot) -> tuple[Sequence[str], _Texts, Sequence[str]]:
    """The form questions and keys of facts of a collection, and what each asks for, if anything."""
    found: dict[str, None] = {}
    for head in snapshot.heads.values():
        found |= dict.fromkeys((*head.report.info.facts, *head.report.unanswered))
    for passage in snapshot.passages:
        found[passage.prompt or passage.section] = None
    kinds = _kinds([question for question in found if question not in ("", FACTS)])
    questions = [question for question, kind in kinds.items() if kind != CONTACT]
    return questions, _Texts.of([*map(_words, questions)]), [kinds[q] for q in questions]


def _words(question: str) -> str:
    return question.replace("_", " ")


def _kinds(questions: Sequence[str]) -> Mapping[str, str]:
    """What each form question or key of facts asks for, if anything."""
    nearest = zip(questions, nearest_kinds([*map(_words, questions)]), strict=True)
    return {q: kind if near >= QUESTION_LIKE_EXAMPLE else "" for q, (kind, near) in nearest}


def read_column(name: str, measure: ReportMeasure) -> SurveyColumn:
    """What a column asks for, by its name as it was typed."""
    links = measure.linker.link(name, language_of(name))
    if links.fields and not links.rest and links.fields[0] in TAGS:
        return SurveyColumn(name, "tag", (links.fields[0],))
    questions, texts, kinds = _forms(measure.snapshot)
    if not questions:
        return SurveyColumn(name, "free")
    names, examples = _examples()
    asked = _Texts.of([name])
    like, near = asked.nearness(examples)[0].tolist(), asked.nearness(texts)[0].tolist()
    nearest = dict(sorted(zip(names, like, strict=True), key=lambda pair: pair[1]))
    likeness = {k: _likeness(n, name, _LISTED[k]) for k, n in nearest.items()}
    # An example that two kinds have asks for both.
    most = max(LIKE, *likeness.values()) - ALIKE
    wanted = {kind for kind, like in likeness.items() if like >= most} - {"other"}
    least = max(LIKE_QUESTION, 0.8 * max(near))
    sources = [
        question
        for question, kind, n in zip(questions, kinds, near, strict=True)
        if kind in wanted or (n >= least and _likeness(n, name, [_words(question)]) >= LIKE)
    ]
    return SurveyColumn(name, "form" if sources else "free", tuple(sources))


def checked_names(names: Collection[str]) -> list[str]:
    """The names of columns, each once; raises InputError for an empty one and for too many."""
    checked = list(dict.fromkeys(" ".join(name.split()) for name in names))
    if not all(checked):
        raise InputError("A column is empty. Type a question or the name of a tag.")
    if len(checked) > MOST:
        raise InputError(
            f"A survey has at most {MOST} columns; these are {len(checked):,}. Use fewer."
        )
    return checked


def with_columns(
    survey: Survey,
    names: Collection[str],
    measure: ReportMeasure,
    progress: Progress = lambda *_: None,
    stop: Stop | None = None,
) -> Survey:
    """The survey with more columns; silent reports get only tags, and why cells are empty."""
    had = [column.name for column in survey.columns]
    for name in checked_names([*had, *names])[len(had) :]:
        column = read_column(name, measure)
        reader = ColumnReader(column, survey, measure)
        rows: list[SurveyRow] = []
        for start in range(0, len(survey.rows), AT_A_TIME):
            if stop and stop.is_set():
                return survey
            rows += reader.filled(survey.rows[start : start + AT_A_TIME])
            progress("columns", len(rows), len(survey.rows))
        survey = replace(survey, rows=tuple(rows), columns=(*survey.columns, column))
    return survey


class ColumnReader:
    """Reads the cells of one column."""

    def __init__(self, column: SurveyColumn, survey: Survey, measure: ReportMeasure) -> None:
        self._column, self._snapshot, self._shown = column, measure.snapshot, measure.shown
        self.name = column.name
        self._sources = frozenset(column.sources)
        self._wanted = unit(encode_cached([survey.topic, column.name]))
        self._found: Mapping[str, Sequence[Near]] = {}
        if column.kind == "free":
            language = language_of(column.name, survey.language)
            links = measure.linker.link(column.name, language)
            text = topic_of(column.name, links, language) or column.name
            judged = judge_topic(measure, measure.topic(text, language), ())
            says, measured = judged.chances.stated(judged.is_absent).says, judged.measured
            self._found = {
                name: measured.sentences(n)
                for n, name in enumerate(measure.ids)
                if says[n] >= ANSWERS
            }

    def filled(self, rows: Sequence[SurveyRow]) -> list[SurveyRow]:
        """The rows with a cell of this column in each, but where a silent report has an answer."""
        open_rows = (r for r in rows if r.verdict != "silent" and self.name not in r.cells)
        best = self.candidates([row.report.id for row in open_rows])
        made = []
        for row in rows:
            cell = row.cells.get(self.name) or self._cell(row, best.get(row.report.id, ()))
            made.append(replace(row, cells={**row.cells, self.name: cell}) if cell else row)
        return made

    def candidates(self, reports: Sequence[str]) -> dict[str, list[tuple[Passage, Span]]]:
        """What of these reports may be the answer, the best first."""
        best: dict[str, list[tuple[Passage, Span]]] = {}
        if self._column.kind == "tag":
            return best
        if self._column.kind == "free":
            passages = self._snapshot.passages
            for name in reports:
                near = ((passages[n.passage], n.span) for n in self._found.get(name, ()))
                best[name] = [(self._shown(p), s) for p, s in near if self._tells(p, s)]
            return best
        every = [(name, *c) for name in reports for c in self._answers(name)]
        if not every:
            return best
        texts = [passage.text[slice(*span)] for _, passage, span in every]
        near = unit(encode_cached(texts)) @ self._wanted.T @ NEAR_TO
        # A few words say little; who or what an answer is about stands first.
        full = [min(1.0, len(text.split()) / FULL_WORDS) for text in texts]
        first = [span[0] == 0 for *_, span in every]
        scores = near + FULL * np.array(full) + FIRST * np.array(first)
        for n in np.argsort(-scores, kind="stable").tolist():
            name, passage, span = every[n]
            best.setdefault(name, []).append((passage, span))
        return best

    def _answers(self, report_id: str) -> list[tuple[Passage, Span]]:
        found: list[tuple[Passage, Span]] = []
        for passage in map(self._shown, self._snapshot.passages_of(report_id)):
            text = passage.text.strip()
            if not self._asks(passage) or text.strip(" .*_-").casefold() in _PLACEHOLDERS:
                continue
            units = [(unit.start, unit.end) for unit in usable(passage)]
            if len(text) <= WHOLE or not units:
                units = [(0, _cut(passage.text))]
            elif units[0][0] <= HEADING:
                # Such as the name of the partner that the sentence is of.
                units[0] = (0, units[0][1])
            found += ((passage, span) for span in units)
        return found

    def _tells(self, passage: Passage, span: Span) -> bool:
        """Whether a sentence is no contact and has more words than the column's name."""
        question = passage.prompt or passage.section
        asked, said = (terms(t, LANGUAGE) for t in (self.name, passage.text[slice(*span)]))
        return _kinds([question])[question] != CONTACT and not set(said) <= set(asked)

    def _asks(self, passage: Passage) -> bool:
        return passage.section != FACTS and (passage.prompt or passage.section) in self._sources

    def _cell(
        self, row: SurveyRow, candidates: Sequence[tuple[Passage, Span]]
    ) -> SurveyCell | None:
        catalog, field = self._snapshot.catalog, next(iter(self._column.sources), "")
        if self._column.kind == "tag":
            values = dict.fromkeys(catalog.name(field, v) for v in report_values(row.report, field))
            return SurveyCell("; ".join(values), state="answered" if values else "blank")
        report = self._snapshot.report(row.report.id)
        for passage, span in candidates:
            text = after_links(passage.text[slice(*span)])
            if place := verbatim(text, report.raw, passage.spans):
                # A partner's name and what it does may stand apart in the file.
                is_cut = span == (0, _cut(passage.text)) and span[1] < len(passage.text)
                items = _DASH.sub(lambda m: f"{m[1]}; " if m[1] else " ", text)
                value = " ".join(items.split()) + (" …" if is_cut else "")
                return SurveyCell(value, *place, passage)
        facts = [v for key in self._column.sources for v in row.report.facts.get(key, ())]
        if facts:
            return SurveyCell("; ".join(dict.fromkeys(facts)))
        if self._column.kind == "free":
            return SurveyCell(state="nothing")
        if any(map(self._asks, self._snapshot.passages_of(row.report.id))):
            return None if row.verdict == "silent" else SurveyCell(state="nothing")
        asked = not self._sources.isdisjoint(report.unanswered)
        return SurveyCell(state="blank" if asked else "not_asked")


def _cut(text: str) -> int:
    """How much of a text is shown: to the end of the last line, or word, that fits."""
    if len(text) <= WHOLE:
        return len(text)
    line = text.rfind("\n", 0, WHOLE)
    return line if line >= 0 else max(text.rfind(" ", 0, WHOLE), 1)
