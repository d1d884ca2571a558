"""Opens an index and answers questions over it: where the parts are put together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from typing import Any

from rag.answer.about import about_draft
from rag.answer.chosen import Material
from rag.answer.compound import in_turn
from rag.answer.digests import make_digest
from rag.answer.extractive import Answerer, Digest, ExtractiveAnswerer
from rag.answer.generate import FOUND, Library, ModelAnswerer, read_usual
from rag.answer.lists import list_draft, mentions
from rag.answer.pipeline import (
    HITS_PER_ANSWER,
    AnswerStream,
    Look,
    PassageAnswer,
    Writers,
    build_answer,
)
from rag.catalog.catalog import Catalog
from rag.catalog.normalize import in_dictionary
from rag.catalog.tag_fields import Filters, ReportInfo
from rag.citation.checker import make_judge
from rag.errors import InputError, Stopped, TooLong
from rag.index.interface import Index, StoredReport
from rag.index.local import current_index
from rag.models.chat import make_chat
from rag.models.client import Stop
from rag.models.embeddings import is_builtin, make_embedding, use_stored_vectors
from rag.models.tokens import count_tokens
from rag.query.forms import as_topic
from rag.query.gloss import HINTED
from rag.query.planner import Planner
from rag.retrieval.hybrid import SearchResult, choose_passages, is_personal, search, whole_reports
from rag.retrieval.postprocess import mask_passage
from rag.retrieval.related import line_of_work, named_by
from rag.retrieval.rerank import CrossEncoder, make_reranker
from rag.settings import Settings, versions
from rag.survey.features import ReportMeasure
from rag.survey.judge import NO_MODEL, SurveyJudge
from rag.survey.stream import SurveyStream, TopicSurvey, planned
from rag.survey.types import Survey
from rag.text.contacts import mask_contacts
from rag.text.sentences import encodable
from rag.text.tokenize import language_of
from rag.types import FACTS, Answer, Hit, Notice, Passage, Plan, Progress, Turn

LONGEST_QUESTION = 4000  # characters
LONGEST_TURN = 20_000  # characters of a turn of the conversation that are looked at
MOST_TURNS = 100  # such turns, the last ones


def checked(question: str) -> str:
    """The question itself, without what has no UTF-8; an InputError if it is too long or blank."""
    if not question.strip():
        raise InputError("There is no question. Ask one, for example: What did labs learn?")
    if len(question) > LONGEST_QUESTION:
        sizes = {"most": LONGEST_QUESTION, "n": len(question)}
        raise TooLong(Notice("question_too_long", sizes))
    return encodable(question)


class Engine:
    """Answers questions over an index. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        """Make the parts that the settings name; raises SettingsError."""
        self.settings = settings
        self._embedding = make_embedding(settings)
        llm = make_chat(settings)
        self._reranker = make_reranker(settings)
        extractive = ExtractiveAnswerer(
            self._embedding, builtin=is_builtin(settings), reranker=self._reranker
        )
        answerer: Answerer = extractive if llm is None else ModelAnswerer(llm, settings)
        self._planner, judge = Planner(settings), make_judge(settings)
        self._researcher = answerer if isinstance(answerer, ModelAnswerer) else None
        self._writers = Writers(answerer, extractive, settings.check != "off", judge, self._mask)
        self._lock = threading.Lock()
        self._index: Index | None = None
        self._report_measure: ReportMeasure | None = None

    def open(self) -> None:
        """Load what the first question needs, so that it need not wait."""
        question = "Which labs are ready to answer the first question?"
        with ThreadPoolExecutor(3) as pool:
            begin = self._embedding.get_query_embedding, language_of, count_tokens
            loading = [pool.submit(work, question) for work in begin]
            # A word of no language is looked for in all dictionaries, which loads them.
            loading.append(pool.submit(in_dictionary, "qzxv"))
            snapshot = self.index
            for job in loading:
                job.result()
        self._planner.linker_of(snapshot.catalog)
        plan = self._planner.without_model().plan(question, snapshot)
        search(snapshot, self._embedding, plan)
        if self._reranker:
            self._reranker.scores(question, [question])

    def shed_when(self, is_shed: Callable[[], bool]) -> None:
        """Leave out the cross-encoder, most of an answer's work, while a function says so."""
        if isinstance(self._reranker, CrossEncoder):
            self._reranker.is_shed = is_shed

    def without_model(self) -> Engine:
        """An engine over the same index that plans by rules and quotes; it asks no model."""
        engine = copy(self)
        engine._planner = self._planner.without_model()
        engine._researcher = None
        engine._writers = replace(self._writers, answerer=self._writers.fallback, judge=None)
        return engine

    @property
    def index(self) -> Index:
        """The index as it stands, loaded again when an ingest changed it; contacts are not masked.

        One thread loads while the others go on with the one before.
        """
        before = self._index
        if not self._lock.acquire(blocking=before is None) and before:
            return before
        try:
            made_by = {"embedding": self._embedding.name}
            index = current_index(self.settings, made_by, self._index)
            if index is not self._index and is_builtin(self.settings):
                use_stored_vectors(index.vectors)
            self._index = index
            return index
        finally:
            self._lock.release()

    @property
    def catalog(self) -> Catalog:
        """The reports and tags of the index."""
        return self.index.catalog

    @property
    def revision(self) -> str:
        """The fingerprint of the index's content."""
        return self.index.revision

    def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        filters: Filters = Filters(),
        ignored: Filters = Filters(),
        passages: int = 0,
        deep: bool = False,
        given: Sequence[Hit] = (),
        stop: Stop | None = None,
    ) -> AnswerStream:
        """Answer a question.

        Args:
            question: in any of the languages of the reports.
            history: the conversation before it, oldest first.
            filters: what to narrow the search to.
            ignored: values that are not taken from the question; an empty one is all of its field.
            passages: how many to read at most; 0: as the settings say.
            deep: whether the model may search again before it writes; without one, the answer is
                the usual one, and says so.
            given: passages to tell a topic's digest from, best first; else they are searched for.
            stop: looked at between two stages, and while the answer is written.

        Raises:
            InputError: the question is too long, or takes longer than the settings' deadline.
            Stopped: `stop` was set before there was anything to read.
        """
        stop = stop or Stop()
        watch = _Stopwatch(stop, self.settings.deadline)
        question = checked(question)
        snapshot = self.index
        history = [
            replace(turn, content=encodable(turn.content[:LONGEST_TURN]))
            for turn in history[-MOST_TURNS:]
        ]
        plan = self._planner.plan(question, snapshot, history, filters, ignored)
        if plan.follows and plan.alone and plan.reports:
            # The other reports of a work tell what came of it.
            named = (snapshot.catalog.reports[i] for i in plan.reports)
            same = chain.from_iterable(line_of_work(snapshot, i, surely=True) for i in named)
            every = dict.fromkeys((*plan.reports, *(info.id for info in same)))
            inside = snapshot.catalog.ids(plan.filters)
            plan = replace(plan, reports=tuple(i for i in every if i in inside))
        if given:
            plan = replace(plan, intent="topic", filters=filters, boosted=Filters(), wide=True)
            plan = replace(plan, query=None, reports=(), off_topic=-1.0)
        elif not deep:
            # A model that searches further looks for all that was asked at once.
            scopes = history, filters, ignored
            if questions := self._planner.questions(plan, snapshot, *scopes):
                ways: Any = {"ignored": ignored, "passages": passages, "stop": stop}

                def ask(part: str, said: Sequence[Turn], scope: Filters) -> AnswerStream:
                    return self.ask(part, history=said, filters=scope, **ways)

                return in_turn(question, questions, history, filters, ask, stop)
        researcher = self._researcher if deep and plan.intent != "about" else None
        if researcher and plan.intent == "list":
            # What tags say was answered already.
            plan = replace(plan, intent="answer", filters=filters, query=None)
        if deep and not self._researcher:
            plan = replace(plan, notices=(*plan.notices, Notice("no_model_looks")))
        watch.go_on("plan_ms")
        if not given and (works := self._planner.works_compared(plan, snapshot)):
            plan = self._of_works(works, plan, snapshot)
        result: SearchResult | None = None

        def finish(draft: Answer) -> Answer:
            watch.lap("answer_ms")
            kept: Any = {"index": snapshot.revision, "timings": watch.laps}
            built = build_answer(plan, draft, snapshot.catalog, result=result, **kept)
            # The answer itself tells what the question names and no report has.
            notices = (*snapshot.catalog.unknown(filters), *built.notices)
            return replace(built, question=question, notices=notices)

        if plan.intent == "about":
            return _finished(finish(about_draft(plan, snapshot)))
        if plan.hint and not given:
            told = Notice(HINTED, {"names": plan.hint})
            plan = replace(plan, notices=(*plan.notices, told))
        reports = frozenset(hit.passage.report.id for hit in given)
        result = SearchResult(tuple(given), reports) if given else self._find(snapshot, plan)
        hits = self._masked(choose_passages(result, plan, self.settings, passages))
        found = result.hits
        # From here on nothing sees a contact: no prompt, no answer, no quote, no export.
        result = replace(result, hits=self._masked(found[:HITS_PER_ANSWER]))
        watch.go_on("retrieve_ms")
        # An empty scope stays empty: the answer names the filters that emptied it.
        if plan.intent == "list" or not snapshot.catalog.ids(plan.filters):
            # A table of countries or years counts reports, that of a tag's values these.
            tabled = plan.query is None or plan.query.group_by not in ("", "country", "year")
            mentioned = () if tabled else mentions(snapshot, plan.filters)
            known = plan, snapshot.catalog, snapshot.texts, result.hits
            return _finished(finish(list_draft(*known, self._masked(mentioned))))
        opened = partial(self._opened, snapshot, plan.filters.language)
        same_work = partial(line_of_work, snapshot)

        def texts_of(hits: Iterable[Hit]) -> Mapping[str, str]:
            return snapshot.texts({hit.passage.report.id for hit in hits})

        @cache
        def digested() -> tuple[Digest, Sequence[Hit], Mapping[str, str]] | None:
            form = as_topic(plan)
            survey = TopicSurvey(form, self.report_measure, self._reranker, bool(given), stop)
            known = self._masked(found), snapshot.catalog, self._embedding, survey
            digest = make_digest(Material(form, *known, opened, same_work, self._reranker), plan)
            return (digest, digest.hits, texts_of(digest.hits)) if digest else None

        look: Look | None = None
        if window := self._writers.answerer.window:
            scope = snapshot, self.settings, window, digested, self._masked
            look = partial(read_usual, plan, result, hits, *scope)
        elif plan.intent in ("answer", "lab") and not plan.wide:
            hits = whole_reports(hits, opened, partial(same_work, surely=True))
        if researcher and look:
            library = self._library(snapshot, filters)
            look = partial(researcher.look, library, plan, hits, look, history)
        parts = history, texts_of(hits), snapshot.catalog, look, digested, stop
        writing = PassageAnswer(self._writers, plan, result, hits, *parts)
        return AnswerStream(
            writing.pieces(), lambda text: finish(writing.draft(text)), writing.stop, writing.steps
        )

    def survey(
        self,
        question: str,
        *,
        filters: Filters = Filters(),
        without: Collection[str] = (),
        judged: bool = True,
        progress: Progress = lambda *_: None,
    ) -> SurveyStream:
        """A verdict on every report in scope about the topic of a question.

        Args:
            question: a topic, or a question that has one; places, years and kinds of report in
                it narrow the scope.
            filters: the scope; they go before what the question names.
            without: near words of the collection that are not to stand for the topic.
            judged: whether the cross-encoder, where there is one, reads the uncertain reports.
            progress: is told how far the survey is.

        Raises:
            InputError: the question has no topic, or no report is in scope.
        """
        measure, planner = self.report_measure(), self._planner.without_model()
        plan = planner.plan(checked(question), measure.snapshot, filters=filters)
        survey = planned(question, plan, measure.linker, filters)
        reranker = self._reranker if judged else None
        return SurveyStream(measure, survey, without, reranker, progress)

    def survey_judge(self, survey: Survey, *, claim: str = "") -> SurveyJudge:
        """The model as judge of a survey's rows, cells, and stance to a claim; or InputError.

        Ask it for an `estimate` of the costs, then to `judge`; rows that it judged before stay.
        """
        llm = make_chat(self.settings, retries=0)
        if llm is None or self._writers.answerer is self._writers.fallback:
            raise InputError(NO_MODEL)
        claim = checked(claim) if claim else ""
        return SurveyJudge(survey, self.report_measure(), llm, claim, self.settings)

    def report_measure(self) -> ReportMeasure:
        """What measures the reports of the index; two threads may make it at the same time."""
        index, measure = self.index, self._report_measure
        if measure is None or measure.snapshot.revision != index.revision:
            snapshot, encode = index.with_files(self.settings.index), self._embedding
            stored = snapshot.memo if is_builtin(self.settings) else None
            ways = self._planner.linker_of(index.catalog), self.settings.mask_contacts
            measure = ReportMeasure(snapshot, encode.get_text_embedding_batch, stored, *ways)
            self._report_measure = measure
        return measure

    def _library(self, snapshot: Index, scope: Filters) -> Library:
        planner = self._planner.without_model()

        def find(query: str, filters: Filters) -> Sequence[Hit]:
            plan = planner.plan(query, snapshot, filters=filters)
            found = self._find(snapshot, plan)
            return self._masked(choose_passages(found, plan, self.settings, FOUND))

        def open_report(report_id: str) -> Sequence[Hit]:
            # Facts of a form, such as when it was filled in, answer nothing.
            hits = self._opened(snapshot, (), [report_id])
            return [h for h in hits if h.passage.stage != "admin" or h.passage.section == FACTS]

        return Library(snapshot.catalog, scope, find, open_report, snapshot.texts)

    def _opened(
        self, snapshot: Index, languages: Collection[str], report_ids: Collection[str]
    ) -> Sequence[Hit]:
        """The passages of reports, in these languages if any, in order; none that is personal."""
        parts = _in_order(chain.from_iterable(map(snapshot.passages_of, report_ids)))
        own = (p for p in parts if not languages or p.language in languages)
        return self._masked([Hit(p, 0.0) for p in own if not is_personal(p)])

    def _find(self, snapshot: Index, plan: Plan) -> SearchResult:
        result = search(snapshot, self._embedding, plan, self._reranker)
        if plan.alone and plan.reports and not result.hits:
            # A follow-up about one work reads all of it, also where its words find nothing.
            opened = self._opened(snapshot, plan.filters.language, plan.reports)
            result = replace(result, hits=tuple(opened))
        return result

    def _of_works(self, works: Sequence[str], plan: Plan, snapshot: Index) -> Plan:
        """The plan to compare two works, if they are known, and of all labs that are named."""
        planner, found = self._planner.without_model(), dict[str, ReportInfo]()
        for work in works:
            asked = planner.plan(work, snapshot, (), plan.filters, plan.ignored)
            asked = replace(asked, hint="")  # it is called by its own words
            named = named_by(work, self._find(snapshot, asked).hits, self._embedding)
            found |= {info.id: info for info in named}
        places = {country for info in found.values() for country in info.countries}
        if len(found) < len(works) or not places.issuperset(plan.boosted.country):
            return plan
        called = set(" ".join(works).split())
        return replace(
            plan,
            intent="compare",
            reports=tuple(found),
            subject=" ".join(word for word in plan.subject.split() if word not in called),
            boosted=Filters(),
            countries=(),
            sides=(),
            hint="",
            wide=True,
            one_thing=False,
        )

    def _masked(self, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        if not self.settings.mask_contacts:
            return tuple(hits)
        return tuple(replace(hit, passage=mask_passage(hit.passage)) for hit in hits)

    def _mask(self, text: str, regions: Sequence[str] = ()) -> str:
        return mask_contacts(text, regions) if self.settings.mask_contacts else text

    def search(
        self,
        question: str,
        *,
        k: int = 20,
        filters: Filters = Filters(),
        ignored: Filters = Filters(),
    ) -> list[Hit]:
        """The k best passages for a question, best first."""
        snapshot = self.index
        plan = self._planner.plan(checked(question), snapshot, (), filters, ignored)
        return list(self._masked(self._find(snapshot, plan).hits[:k]))

    def plan(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        filters: Filters = Filters(),
        ignored: Filters = Filters(),
    ) -> Plan:
        """How a question is understood."""
        return self._planner.plan(checked(question), self.index, history, filters, ignored)

    @property
    def passages(self) -> Sequence[Passage]:
        """All passages of the index as they were read, ordered by id; contacts are not masked."""
        return self.index.passages

    def report(self, report_id: str) -> StoredReport:
        """One report with its whole text, in which characters keep their places.

        UnknownReport is raised where the index has none of that id.
        """
        report = self.index.report(report_id)
        return replace(report, raw=self._mask(report.raw, report.info.iso))

    def passages_of(self, report_id: str) -> tuple[Passage, ...]:
        """The passages of a report in the order of its file; contacts are masked."""
        placed = _in_order(self.index.passages_of(report_id))
        return tuple(map(mask_passage, placed)) if self.settings.mask_contacts else tuple(placed)

    def info(self) -> dict[str, Any]:
        """What the index holds and what answers questions over it, for people and scripts."""
        snapshot = self.index
        catalog = snapshot.catalog
        return {
            "reports": len(catalog.reports),
            "passages": len(snapshot.passages),
            "labs": len(catalog.labs()),
            "years": dict(catalog.counts("year")),
            "kinds": dict(catalog.counts("kind")),
            "languages": dict(catalog.languages.most_common()),
            "index": str(self.settings.index),
            "fingerprint": snapshot.revision,
            "embedding": self._embedding.name,
            "answers": self._writers.answerer.name,
            "versions": versions(),
        }


class _Stopwatch:
    """Milliseconds by stage of a question; each lap begins where the one before it ended."""

    def __init__(self, stop: Stop, deadline: float) -> None:
        self.laps = {"plan_ms": 0.0, "retrieve_ms": 0.0}
        self._stop, self._deadline = stop, deadline
        self._started = self._begun = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.laps[stage], self._started = 1000 * (now - self._started), now

    def go_on(self, stage: str) -> None:
        """End a stage; raise an error if the question was stopped, or has taken too long."""
        self.lap(stage)
        if self._stop.is_set():
            raise Stopped("The question was stopped.")
        if self._started > self._begun + self._deadline:
            raise TooLong(Notice("question_took_too_long", {"seconds": round(self._deadline)}))


def _in_order(passages: Iterable[Passage]) -> list[Passage]:
    """Passages report by report, in the order of their files."""
    return sorted(passages, key=lambda p: (p.report.id, p.spans, p.part))


def _finished(answer: Answer) -> AnswerStream:
    """A stream of an answer that is there already."""
    return AnswerStream(iter([answer.text]), lambda _: answer)


def open_engine(settings: Settings) -> Engine:
    """An engine over the index that the settings name.

    Raises:
        IndexMissing, IndexMismatch, IndexDamaged: the index can't be used; says what to do.
        SettingsError: a model's name is unknown, or its key or the model itself is missing.
    """
    engine = Engine(settings)
    engine.open()
    return engine
