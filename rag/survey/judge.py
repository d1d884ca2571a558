"""Lets a chat model judge the rows of a survey that are not clearly silent, in batches.

It sees the best sentences of each report, and says what the report is to the topic, which sentence
says it best, what it says to a claim, and in its own words what it answers to the columns, each by
a sentence that it names. What it did not judge keeps its verdict by rules, and a cell in which a
number or a place is not that passage's keeps the report's words.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, log, sqrt
from typing import Any, get_args

import numpy as np

from rag.catalog.tag_fields import ReportInfo
from rag.citation.checker import Claim, Text, Verifier
from rag.errors import ContextOverflow, ModelError
from rag.i18n.translations import marked
from rag.models.chat import ChatModel
from rag.models.client import OPENAI, Stop
from rag.models.embeddings import encode_cached
from rag.models.encoder import LANGUAGE, unit
from rag.models.prompts import Message, fenced, list_schema, messages_of, object_schema, prompts
from rag.models.tokens import count_tokens, list_price
from rag.query.planner import first_object
from rag.settings import Settings
from rag.survey.classifier import DISPERSION, classifier, tags_of
from rag.survey.columns import ColumnReader
from rag.survey.features import Near, ReportMeasure
from rag.survey.types import STANCES, Survey, SurveyCell, SurveyRow, Verdict
from rag.text.sentences import sentences
from rag.text.tokenize import terms
from rag.types import FACTS, Notice, Passage, Progress, Span

BATCH = 20  # reports of a call
SENTENCES = 6  # of a report that are shown; all of one that has a single passage
ANSWERS = 3  # more of them for each column
SHOWN = 1500  # characters of a sentence that are shown: a passage has about as many
LONGEST = 300  # and of an answer that the model may write
JUDGED_FROM = 0.02  # probability from which a report is not clearly silent
NAMED = 0.4  # share of the topic's words in title and tags from which it isn't, either
TOKENS = 30  # that the model may write of a report
CELL_TOKENS = 60  # and of each of its cells
FAILURES = 3  # of the server in a row, or unreadable replies more than others, that end the judging
ODDS = 9.0  # by how much a verdict changes the odds that a report speaks of the topic
NO_MODEL = marked(
    "No language model is set, so none can judge. Set ASKLABS_MODEL, or OPENAI_API_KEY."
)
_VERDICTS = get_args(Verdict)
_Said = tuple[Passage, str, Span]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What judging a survey takes: reports, calls, tokens of prompts and replies."""

    reports: int
    calls: int
    prompt: int
    completion: int
    cost_usd: float | None  # by list prices; None where no price is known


@dataclass(frozen=True, slots=True)
class _Case:
    """A row with the sentences that the model is shown: passage, words, place in the file."""

    row: SurveyRow
    sentences: Sequence[_Said]
    nearest: int  # those from here on may answer a column and are no quotes of the row


class SurveyJudge:
    """Judges the rows of one survey by a chat model."""

    def __init__(
        self, survey: Survey, measure: ReportMeasure, llm: ChatModel, claim: str, settings: Settings
    ) -> None:
        """Rows that this model has judged before stay, unless a `claim` or a column is new."""
        if claim not in ("", survey.claim):
            unsaid = tuple(replace(row, stance=None) for row in survey.rows)
            survey = replace(survey, rows=unsaid, claim=claim)
        self._survey, self._measure, self._llm = survey, measure, llm
        self._claim, self._settings = claim, settings
        self._tokens_spent = Counter(survey.tokens)
        self._topic = measure.topic(survey.topic, survey.language)
        # The terms of each of the topic's own words, and how rare they are.
        size = len(measure.snapshot.passages)
        own = [[term for term, n in word.items() if n == 1] for word in self._topic.words]
        often = [max(measure.snapshot.frequencies(word), default=size) for word in own]
        self._words = [(w, log(1 + size / (1 + n))) for w, n in zip(own, often, strict=True)]
        self._readers = [
            ColumnReader(column, survey, measure)
            for column in survey.columns
            if column.kind != "tag"
        ]
        self._tokens = TOKENS + CELL_TOKENS * len(self._readers)  # of a row
        rows = [row for row in survey.rows if self._is_open(row)]
        names = [row.report.id for row in rows]
        self._measured = measure.measure(self._topic, frozenset(names))
        answers = [reader.candidates(names) for reader in self._readers]
        cases = [self._case(row, [a.get(row.report.id, ()) for a in answers]) for row in rows]
        self._count = len(cases)
        self._batches = [cases[n : n + BATCH] for n in range(0, len(cases), BATCH)]

    def _is_open(self, row: SurveyRow) -> bool:
        if row.judge != self._llm.name:
            named = " ".join((row.report.title, *tags_of(row.report)))
            return row.score >= JUDGED_FROM or self._share(named, row.report.language) >= NAMED
        if row.score < JUDGED_FROM:
            return False
        cells = (row.cells.get(reader.name, SurveyCell()) for reader in self._readers)
        is_written = row.verdict == "silent" or all(cell.writer == row.judge for cell in cells)
        return not is_written or bool(self._claim and row.stance is None)

    def estimate(self) -> Estimate:
        """What it takes."""
        prompt = sum(_tokens(self._messages(batch)) for batch in self._batches)
        completion = self._tokens * self._count
        priced = self._settings.openai_base_url in (None, OPENAI)
        cost = list_price(self._llm.name, prompt, completion)[0] if priced else None
        return Estimate(self._count, len(self._batches), prompt, completion, cost)

    def judge(self, progress: Progress = lambda *_: None, stop: Stop | None = None) -> Survey:
        """The survey with the model's verdicts; a notice says of how many rows it gave none."""
        stop, notices = stop or Stop(), list[Notice]()
        judged: dict[str, SurveyRow] = {}
        down = broken = 0
        progress("asking", 0, self._count)
        for batch in self._batches:
            if stop.is_set() or FAILURES in (down, broken):
                break
            try:
                judged |= self._ask(batch, stop)
                down, broken = 0, broken - 1
            except ModelError as error:
                notices = [error.notice]
                if error.notice.code == "language_model_reply_broken":
                    down, broken = 0, broken + 1
                else:
                    down += 1
            progress("asking", len(judged), self._count)
        if left := self._count - len(judged):
            notices = [*(() if stop.is_set() else notices), Notice("survey_by_rules", {"n": left})]
        rows = [judged.get(row.report.id, row) for row in self._survey.rows]
        for reader in self._readers:
            rows = reader.filled(rows)
        rows.sort(key=lambda row: (row.verdict == "silent", -row.score))
        rest = np.array([row.score for row in rows if row.judge == "rules"])
        found = sum(row.verdict != "silent" for row in rows if row.judge != "rules")
        # Of reports that are all unlikely chance alone says how many speak of it, not the topic.
        low, high = classifier().interval(rest, self._survey.language)
        high = min(high, ceil(rest.sum() + 2 * sqrt(DISPERSION * rest.sum())))
        catalog = self._measure.snapshot.catalog
        return replace(
            self._survey,
            rows=tuple(rows),
            interval=(found + low, found + high),
            labs=catalog.labs(row.report for row in rows if row.verdict != "silent"),
            notices=tuple(notices),
            tokens=dict(self._tokens_spent),
        )

    def _case(self, row: SurveyRow, answers: Sequence[Sequence[tuple[Passage, Span]]]) -> _Case:
        snapshot, name = self._measure.snapshot, row.report.id
        found: dict[str, _Said] = {}

        def show(passage: Passage, span: Span) -> None:
            if place := self._measure.quoted(passage, span):
                found.setdefault(place[1], place)

        if row.passage and row.span:
            found[row.quote] = (row.passage, row.quote, row.span)
        said = [p for p in snapshot.passages_of(name) if p.section != FACTS]
        if len(said) == 1:
            for span in sentences(said[0].text):
                show(said[0], span)
        else:
            near = self._measure.nearest(self._measured, name)
            for one in sorted(near, key=self._closeness, reverse=True)[:SENTENCES]:
                show(snapshot.passages[one.passage], one.span)
            found = dict(list(found.items())[:SENTENCES])
        nearest = len(found)
        for of_column in answers:
            for passage, span in of_column[:ANSWERS]:
                show(passage, span)
        return _Case(row, list(found.values()), nearest)

    def _share(self, text: str, language: str) -> float:
        """The share of the topic's own words that a text has; rare ones count more."""
        have = {term for spoken in {language, LANGUAGE} for term in terms(text, spoken)}
        total = sum(rarity for _, rarity in self._words)
        return sum(r for own, r in self._words if not have.isdisjoint(own)) / total

    def _closeness(self, near: Near) -> float:
        """How near a sentence is; what it has of the topic's own words counts once more."""
        passage = self._measure.snapshot.passages[near.passage]
        return near.score + self._share(passage.text[slice(*near.span)], passage.language)

    def _nearest_tags(self, info: ReportInfo) -> str:
        """The tags of a report, those nearest to the topic first: the last of many are cut."""
        tags = tags_of(info)
        near = unit(encode_cached([self._topic.text, *tags]))
        order = np.argsort(-near[1:] @ near[0], kind="stable").tolist()
        return ", ".join(tags[n] for n in order)

    def _messages(self, batch: Sequence[_Case]) -> list[Message]:
        shown = []
        for n, case in enumerate(batch, start=1):
            info = case.row.report
            lines = [
                f"{k}. {' '.join(words.split())[:SHOWN]}"
                + (f" (asked: {passage.prompt})" if k > case.nearest and passage.prompt else "")
                for k, (passage, words, _) in enumerate(case.sentences, start=1)
            ]
            facts = {name: getattr(info, name) for name in ("lab", "year", "kind", "title")}
            facts["tags"] = self._nearest_tags(info)
            shown.append(fenced("report", "\n".join(lines), number=n, **facts))
        asked = [fenced("topic", self._survey.topic, asked=self._survey.question)]
        system = prompts()["survey"]
        reply = ""
        if self._claim:
            asked.append(fenced("claim", self._claim))
            system += prompts()["survey_stance"]
            reply += ', "stance": "supports"'
        if self._readers:
            names = (f"{n}. {reader.name}" for n, reader in enumerate(self._readers, start=1))
            asked.append(fenced("questions", "\n".join(names)))
            system += prompts()["survey_cells"]
            reply += ', "cells": [{"sentence": 7, "answer": "It cost 300 dollars."}]'
        system += prompts()["survey_reply"] % reply
        return messages_of(system, "\n\n".join([*asked, *shown]))

    def _ask(self, batch: Sequence[_Case], stop: Stop) -> dict[str, SurveyRow]:
        """The rows of a batch with the model's verdicts, those that it left out aside."""
        llm = replace(self._llm, max_tokens=self._tokens * (len(batch) + 2))
        schema, messages = _schema(bool(self._claim), bool(self._readers)), self._messages(batch)
        try:
            reply = llm.complete(messages, self._settings.timeout, schema, stop)
        except ContextOverflow:
            if len(batch) == 1:
                raise
            half = len(batch) // 2
            return self._ask(batch[:half], stop) | self._ask(batch[half:], stop)
        self._tokens_spent.update(prompt=_tokens(messages), completion=count_tokens(reply))
        said = first_object(reply, ["reports", "silent"], len(reply))
        silent = [{"report": n, "verdict": "silent"} for n in _items(said.get("silent"))]
        rows = {}
        for entry in (*silent, *_items(said.get("reports"))):
            n = _number(entry.get("report")) if isinstance(entry, dict) else -1
            if 1 <= n <= len(batch) and _word(entry.get("verdict")) in _VERDICTS:
                row = self._judged(batch[n - 1], entry)
                rows[row.report.id] = row
        if not rows:
            raise ModelError(Notice("language_model_reply_broken"))
        return rows

    def _judged(self, case: _Case, entry: Mapping[str, Any]) -> SurveyRow:
        row, at = case.row, _number(entry.get("sentence"))
        verdict, stance = (_word(entry.get(name)) for name in ("verdict", "stance"))
        speaks = verdict != "silent"
        odds = row.score / max(1 - row.score, 1e-6) * (ODDS if speaks else 1 / ODDS)
        row = replace(
            row,
            verdict=verdict,
            score=odds / (1 + odds),
            judge=self._llm.name,
            stance=stance if self._claim and stance in STANCES else row.stance,
        )
        if not speaks or at == 0:
            row = replace(row, passage=None, quote="", span=None, finding=None)
        if not speaks:
            return row
        cells = dict(row.cells)
        for reader, said in zip(self._readers, _items(entry.get("cells")), strict=False):
            if cell := self._written(case, said):
                cells[reader.name] = cell
        row = replace(row, cells=cells)
        if 1 <= at <= len(case.sentences):
            passage, quote, span = case.sentences[at - 1]
            return replace(row, passage=passage, quote=quote, span=span)
        return row

    def _written(self, case: _Case, said: object) -> SurveyCell | None:
        """A cell in the model's words; None where they are unfit or say what no sentence does."""
        if not isinstance(said, dict):
            return None
        at, answer = _number(said.get("sentence")), said.get("answer")
        if at == 0 and answer == "":
            return SurveyCell(state="nothing", writer=self._llm.name)
        if not 1 <= at <= len(case.sentences) or not isinstance(answer, str):
            return None
        (passage, quote, span), answer = case.sentences[at - 1], " ".join(answer.split())
        claim = Claim(answer, (1,))
        text = Text([claim], [passage], self._survey.question, self._survey.language)
        if not answer or len(answer) > LONGEST or Verifier(text).verify(claim)[1].denied:
            return None
        return SurveyCell(answer, quote, span, passage, writer=self._llm.name)


def _number(said: object) -> int:
    """A number that a model wrote, as one or as text; -1 for anything else."""
    text = str(said).strip()
    return int(text) if text.isdecimal() else -1


def _word(said: object) -> Any:
    return said.strip().lower() if isinstance(said, str) else said


def _items(said: object) -> list[Any]:
    return said if isinstance(said, list) else []


def _tokens(messages: Sequence[Message]) -> int:
    return sum(count_tokens(message["content"]) for message in messages)


def _schema(with_stance: bool, with_cells: bool) -> dict[str, Any]:
    number, verdict = {"type": "integer"}, {"type": "string", "enum": list(_VERDICTS)}
    properties: dict[str, Any] = {"report": number, "verdict": verdict, "sentence": number}
    if with_stance:
        properties["stance"] = {"type": "string", "enum": list(STANCES)}
    if with_cells:
        properties["cells"] = list_schema(object_schema(sentence=number, answer={"type": "string"}))
    return object_schema(
        reports=list_schema(object_schema(**properties)), silent=list_schema(number)
    )
