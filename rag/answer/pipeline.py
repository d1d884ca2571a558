"""One question on its way to its answer: streamed, saved where the model fails, resolved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from rag.answer.extractive import Answerer, nearest
from rag.catalog.catalog import Catalog
from rag.citation.checker import Checked, check
from rag.citation.citations import resolve
from rag.citation.judge import Judge
from rag.citation.quotes import verbatim
from rag.errors import ModelError
from rag.i18n.labels import country_label, join_parts
from rag.i18n.translations import translations_for
from rag.models.cancellation import Stop
from rag.models.chat import Generation
from rag.models.prompts import PROMPT_VERSION, is_refusal, refusal
from rag.models.tokens import count_tokens
from rag.places.countries import english_name
from rag.retrieval.hybrid import SearchResult
from rag.text.marks import drop_marks, keep_known
from rag.types import (
    Answer,
    Citation,
    Coverage,
    Hit,
    Notice,
    Passage,
    Plan,
    Turn,
)

# At least so many hits go with an answer, whether it used them or not.
KEPT_HITS = 60


class Run:
    """A question, what was found for it, and who writes its answer.

    Setting `stop`, from any thread, ends the writing.
    `answerers` are the one that is asked and the one that takes its place where it fails;
    `files` are the verbatim texts by id of the reports that are read: taken before the answer
    is written, so that they are those that the passages are of, whatever is ingested meanwhile.
    """

    def __init__(
        self,
        answerers: tuple[Answerer, Answerer],
        files: Mapping[str, str],
        plan: Plan,
        found: SearchResult,
        read: Sequence[Hit],
        history: Sequence[Turn],
        timings: Mapping[str, float],
        strict: bool = True,
        judge: Judge | None = None,
    ) -> None:
        self._answerer, self._fallback = answerers
        self._files = files
        self._plan = plan
        self._found = found
        self._read = read
        self._history = history
        self._timings = dict(timings)
        self._started = time.perf_counter()
        self._mode = self._answerer.name
        self._given_up = 0
        self.stop = Stop()
        self._writing = Generation(stop=self.stop)
        self._completion = 0
        self._notices: tuple[Notice, ...] = ()
        self._strict, self._judge = strict, judge

    def pieces(self) -> Iterator[str]:
        """The answer's text; where the model fails, an extractive answer in its place."""
        written = 0
        try:
            for piece in self._stream(self._answerer):
                written += len(piece)
                yield piece
        except ModelError as error:
            self._mode = self._fallback.name
            self._notices = (error.notice, Notice("extractive_instead"))
            # Half an answer may lack its marks: it was seen, but is no part of the answer.
            self._given_up = written
            if written:
                yield "\n\n"
            self._writing = Generation(stop=self.stop)
            yield from self._stream(self._fallback)

    def _stream(self, answerer: Answerer) -> Iterator[str]:
        return answerer.stream(self._plan, self._read, self._history, self._writing)

    def kept(self, text: str) -> str:
        """What the answer is made of, of all that was written.

        From here on the passages that were read are those that the model was given.
        """
        writing = self._writing
        self._completion = count_tokens(text, writing.model) if writing.model else 0
        self._read = self._read[: writing.read]
        return text[self._given_up : writing.kept]

    def finish(self, text: str) -> Answer:
        """The answer with its citations resolved, from all that was written."""
        passages = [hit.passage for hit in self._read]
        text = keep_known(text, len(passages)).strip()
        checked = Checked(text)
        if self._mode != self._fallback.name:
            checked = self._check(text, passages)
            text = checked.text
        refused = is_refusal(text)
        resolved = resolve(
            text,
            passages,
            self._plan.language,
            checked.statuses,
            checked.corrected,
            sought=self._plan.standalone if refused else "",
        )
        citations = self._verbatim(resolved)
        text = drop_marks(text, {c.n for c in resolved} - {c.n for c in citations})
        self._timings["answer_ms"] = 1000 * (time.perf_counter() - self._started)
        cited = {} if refused else {c.passage.report.id: c.passage.report.lab for c in citations}
        return Answer(
            question=self._plan.question,
            standalone=self._plan.standalone,
            text=text,
            refused=refused,
            citations=citations,
            hits=self._found.hits[:KEPT_HITS],
            coverage=Coverage(
                intent=self._plan.intent,
                reports=tuple(cited),
                labs=tuple(dict.fromkeys(cited.values())),
                matched_reports=len(self._found.matched | {p.report.id for p in passages}),
                read_passages=len(passages),
                read_reports=len({p.report.id for p in passages}),
                filters=self._plan.filters,
                first=self._plan.first,
                ignored=self._plan.ignored,
                read=tuple(dict.fromkeys(p.report.id for p in passages)),
            ),
            mode=self._mode,
            language=self._plan.language,
            timings=self._timings,
            notices=self._notices,
            struck=checked.struck,
            checked=checked.counts,
        )

    def _check(self, text: str, passages: Sequence[Passage]) -> Checked:
        """What is left of a model's answer; a refusal where that is nothing."""
        # What a model says after its refusal is no answer.
        told = "".join([refusal(self._plan.language), *nearest(self._plan, self._read)])
        if is_refusal(text):
            return Checked(told)
        # Whoever stopped waits for nothing more.
        judge = None if self.stop.is_set() else self._judge
        question = self._plan.standalone
        checked = check(text, passages, self._plan.language, self._strict, judge, question)
        if unsupported := checked.counts.get("unsupported", 0):
            self._notices = (Notice("unsupported_sentences", {"n": unsupported}),)
        if checked.struck and not checked.verdicts:
            self._notices = (Notice("nothing_supported"),)
            return replace(checked, text=told)
        return checked

    def _verbatim(self, citations: Sequence[Citation]) -> tuple[Citation, ...]:
        """Citations whose quotes stand in their report's file; others are cut to words that do."""
        kept = []
        for citation in citations:
            passage = citation.passage
            # Markup inside a sentence was cleaned away, a phone number masked: then it is cut.
            found = verbatim(citation.quote, self._files[passage.report.id], passage.spans)
            if found:
                kept.append(replace(citation, quote=found[0], span=found[1]))
        return tuple(kept)

    def recorded(self, answer: Answer) -> Answer:
        """An answer with what is known of its writing: its tokens, its record, its notices."""
        writing = self._writing
        return replace(
            answer,
            tokens={"prompt": writing.prompt, "completion": self._completion},
            run=writing.record(PROMPT_VERSION, self._completion),
            notices=(*writing.notices, *answer.notices),
        )


# An answer that is read while it is being written.


class AnswerStream:
    """An answer in the making: iterate over its text, then ask it for the answer.

    Closing or stopping it early stops the model; the answer is then what was written so far.
    `stop` is what whoever writes the pieces looks at.
    """

    def __init__(
        self, pieces: Iterator[str], finish: Callable[[str], Answer], stop: Stop | None = None
    ) -> None:
        self._pieces = pieces
        self._finish = finish
        self._written: list[str] = []
        self._answer: Answer | None = None
        self._stop = stop or Stop()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._stop.is_set():
            self.close()
        piece = next(self._pieces)
        self._written.append(piece)
        return piece

    def stop(self) -> None:
        """Stop writing, also while another thread waits for a piece; harmless after the end."""
        self._stop.set()

    def close(self) -> None:
        """Stop writing; harmless after the end. Not for use while another thread reads."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()
        self._pieces = iter(())

    @property
    def answer(self) -> Answer:
        """The finished answer; what is not yet written is written first."""
        if self._answer is None:
            for _ in self:
                pass
            self._answer = self._finish("".join(self._written))
        return self._answer


# Which of the places that a question names an answer doesn't hear.


def unheard(answer: Answer, plan: Plan, catalog: Catalog) -> tuple[Notice, ...]:
    """Notices of countries named in the question that the answer has nothing from.

    The countries' names are in the language of the answer. Of a single country nothing is said
    where the collection has reports of it: another lab may have told of it.
    """
    known = catalog.keys("country")
    absent = [code for code in plan.places if code not in known]
    here = [code for code in plan.places if code in known]
    cited = {code for citation in answer.citations for code in citation.passage.report.iso}
    silent = [code for code in here if code not in cited] if len(here) > 1 else []
    if answer.refused or answer.coverage.intent == "list":
        silent = []
    notices = (("no_reports_from", absent), ("nothing_cited_from", silent))
    return tuple(
        Notice(code, {"places": _names(places, answer.language)})
        for code, places in notices
        if places
    )


def _names(codes: Iterable[str], language: str) -> str:
    t = translations_for(language)
    return join_parts(t, ", ", [country_label(english_name(code), t) for code in codes])
