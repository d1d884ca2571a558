"""From the passages of a question to its answer: written as a stream, then checked and cited."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rag.answer.extractive import Answerer, Digest, ExtractiveAnswerer, nearest
from rag.catalog.catalog import Catalog
from rag.citation.checker import CheckedText, Judge, check, unchecked
from rag.citation.quotes import reading_order, resolve, verbatim
from rag.errors import ModelError
from rag.i18n.labels import country_label, join_parts
from rag.i18n.translations import translations_for
from rag.models.chat import Generation
from rag.models.client import Stop
from rag.models.prompts import PROMPT_VERSION, is_refusal, refusal
from rag.models.tokens import count_tokens
from rag.places.countries import english_name
from rag.retrieval.hybrid import SearchResult, count_unread
from rag.retrieval.postprocess import interleave
from rag.text.citation_marks import change_marks, drop_marks, keep_known
from rag.types import Answer, Citation, Coverage, Hit, Notice, Passage, Plan, Struck, Turn

# How many hits go with an answer, whether it used them or not; more where a model looked further.
HITS_PER_ANSWER = 60


class AnswerStream:
    """An answer in the making: iterate over its text, then ask it for the answer.

    Closing or stopping it early stops the model; the answer is then what was written so far.
    `stop` is what whoever writes the pieces looks at; `steps` tell what was looked for so far.
    """

    def __init__(
        self,
        pieces: Iterator[str],
        finish: Callable[[str], Answer],
        stop: Stop | None = None,
        steps: Sequence[Notice] = (),
    ) -> None:
        self.steps = steps
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
        if isinstance(self._pieces, Generator):
            self._pieces.close()
        self._pieces = iter(())

    @property
    def answer(self) -> Answer:
        """The finished answer; what is not yet written is written first."""
        if self._answer is None:
            for _ in self:
                pass
            self._answer = self._finish("".join(self._written))
        return self._answer


@dataclass(frozen=True, slots=True)
class Writers:
    """Who writes an answer, who writes it where that fails, and how it is checked.

    `is_checked` is whether a model's sentences are checked at all. `mask` hides contacts in a text.
    """

    answerer: Answerer
    fallback: Answerer
    is_checked: bool
    judge: Judge | None
    mask: Callable[[str], str]


# The verbatim texts of reports by their ids.
Texts = Callable[[Collection[str]], Mapping[str, str]]
# What a model reads in place of what was found, and the texts of its reports; yields "" after each
# step of a search for it.
Look = Callable[[Generation], Generator[str, None, tuple[Sequence[Hit], Mapping[str, str]]]]


# Makes a digest where no model writes: its writer, the hits that it quotes, and their files.
Digested = Callable[[], tuple[Digest, Sequence[Hit], Mapping[str, str]] | None]


@dataclass
class PassageAnswer:
    """One answer from the passages that were read. Setting `stop` from any thread ends it.

    `files` are the texts by id of the reports that are read, taken before the answer is written:
    an ingest may change them meanwhile.
    """

    writers: Writers
    plan: Plan
    result: SearchResult
    read: Sequence[Hit]
    history: Sequence[Turn]
    files: Mapping[str, str]
    catalog: Catalog
    look: Look | None = None
    digest: Digested = lambda: None
    stop: Stop = field(default_factory=Stop)
    steps: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._writer = self.writers.answerer
        self._found = self.read, self.files
        self._failure: tuple[Notice, ...] = ()
        # What the reader sees as the number of a passage, by its rank.
        self._numbers: dict[int, int] = {}
        # Characters of a failed model's text, which was seen and is no part of the answer.
        self._discarded = 0
        self._generation = Generation(stop=self.stop, steps=self.steps)

    def pieces(self) -> Iterator[str]:
        """The answer's text; where the model fails, an extractive answer in its place."""
        written = 0
        try:
            for piece in self._stream():
                written += len(piece)
                yield piece
        except ModelError as error:
            self._writer = self.writers.fallback
            self.read, self.files = self._found
            self._failure = (error.notice, Notice("extractive_instead"))
            self._discarded = written
            if written:
                yield "\n\n"
            self._generation = Generation(stop=self.stop)
            yield from self._stream()

    def _stream(self) -> Iterator[str]:
        look, self.look = self.look, None
        if look:
            self.read, self.files = yield from look(self._generation)
        if self._writer is self.writers.fallback and (made := self.digest()):
            self._writer, self.read, self.files = made
        self._numbers.clear()
        for piece in self._writer.stream(self.plan, self.read, self.history, self._generation):
            yield change_marks(piece, lambda n: self._numbers.setdefault(n, len(self._numbers) + 1))

    def draft(self, written: str) -> Answer:
        """The answer with its citations resolved, from all that was written."""
        plan, generation = self.plan, self._generation
        completion = count_tokens(written, generation.model) if generation.model else 0
        completion += generation.completion
        read = self.read[: generation.read]
        passages = [hit.passage for hit in read]
        ranks = {n: rank for rank, n in self._numbers.items()}
        text = change_marks(written[self._discarded :], lambda n: ranks.get(n, n))
        # The passages are masked already; a model may make up contacts, or be told one.
        text = self.writers.mask(text[: generation.end])
        checked, notices = self._check(keep_known(text, len(passages)).strip(), read)
        refused = is_refusal(checked.text)
        known = checked.statuses, checked.corrected, plan.standalone if refused else ""
        resolved = resolve(checked.text, passages, plan.language, *known)
        citations = self._verbatim(resolved)
        looked = read if generation.steps else ()
        unquoted = {c.n for c in resolved} - {c.n for c in citations}

        def quoted(text: str) -> str:
            return drop_marks(text, unquoted)

        return Answer(
            plan.question,
            plan.standalone,
            text=quoted(checked.text),
            refused=refused,
            citations=citations,
            hits=tuple(interleave([[*self.result.hits[:HITS_PER_ANSWER], *looked]])),
            coverage=self._coverage(passages, () if refused else citations),
            mode=self._writer.name,
            language=plan.language,
            notices=(*generation.notices, *notices),
            struck=moved(checked.struck, checked.text, quoted),
            doubted=checked.doubted,
            checked=checked.counts,
            tokens={"prompt": generation.prompt, "completion": completion}
            | ({"check": checked.tokens} if checked.tokens else {}),
            generation=generation.record(PROMPT_VERSION, completion),
        )

    def _check(self, text: str, read: Sequence[Hit]) -> tuple[CheckedText, tuple[Notice, ...]]:
        """What is left of an answer, and notices of it; a refusal where that is nothing."""
        plan, writers = self.plan, self.writers
        if self._writer.name == writers.fallback.name:
            return CheckedText(text), self._failure
        nothing = "".join([refusal(plan.language), *nearest(plan, read)])
        # What a model says after its refusal is no answer.
        if is_refusal(text):
            return CheckedText(nothing), ()
        if not writers.is_checked:
            return unchecked(text), ()
        passages = [hit.passage for hit in read]
        asked = f"{plan.standalone} {self._generation.counted}".rstrip()
        checked = check(text, passages, plan.language, asked, writers.judge, self.stop)
        if checked.struck and not checked.statuses:
            return replace(checked, text=nothing), (Notice("nothing_supported"),)
        return checked, checked.notices

    def _verbatim(self, citations: Sequence[Citation]) -> tuple[Citation, ...]:
        """Citations whose quotes stand in their report's file; others are cut to words that do."""
        quoted = []
        for citation in citations:
            raw = self.files[citation.passage.report.id]
            # Markup inside a sentence was cleaned away, a phone number masked: then it is cut.
            if place := verbatim(citation.quote, raw, citation.passage.spans):
                quoted.append(replace(citation, quote=place[0], span=place[1]))
        return tuple(quoted)

    def _coverage(self, passages: Sequence[Passage], citations: Sequence[Citation]) -> Coverage:
        plan, digest = self.plan, self._writer if isinstance(self._writer, Digest) else None
        cited = {c.passage.report.id: c.passage.report for c in citations}
        read = tuple(dict.fromkeys(passage.report.id for passage in passages))
        speaking = (digest or self._generation).speaking if cited else ()
        known = self.catalog.reports
        reports = cited | {i: known[i] for i in speaking if i in known}
        # How many reports match what a model looked for further is not known.
        matched = self._generation.steps or speaking
        result = replace(self.result, matched=frozenset(reports)) if matched else self.result
        return Coverage(
            intent=digest.intent if digest else plan.intent,
            reports=tuple(reports),
            labs=self.catalog.labs(reports.values()),
            matched_reports=len(result.matched.union(read)),
            read_passages=len(passages),
            read_reports=len(read),
            filters=plan.filters,
            first=plan.first,
            ignored=plan.ignored,
            read=read,
            unread=count_unread(result, read, known),
            sides=digest.sides if digest else (),
            speaking=len(speaking),
        )


def moved(struck: Sequence[Struck], text: str, change: Callable[[str], str]) -> tuple[Struck, ...]:
    """Struck sentences of a text where they stand after a change of its marks."""
    return tuple(replace(s, at=len(change(text[: s.at]))) if s.at >= 0 else s for s in struck)


def build_answer(
    plan: Plan,
    draft: Answer,
    catalog: Catalog,
    *,
    result: SearchResult | None,
    index: str,
    timings: Mapping[str, float],
) -> Answer:
    """The answer to a planned question: a draft with notices, its marks numbered as they are read.

    `result` is None for an answer about the collection itself; `index` is the index's fingerprint.
    """
    notices = draft.notices
    if result:
        missing = missing_places(plan, draft, catalog)
        notices = (*plan.notices, *draft.notices, *missing, *_foreign(draft))
    number = reading_order(draft.text, draft.citations)
    numbered = [replace(citation, n=number(citation.n)) for citation in draft.citations]

    def in_order(text: str) -> str:
        return change_marks(text, number)

    return replace(
        draft,
        planner=plan.planner,
        index=index,
        timings=timings,
        notices=notices,
        text=in_order(draft.text),
        citations=tuple(sorted(numbered, key=lambda citation: citation.n)),
        struck=moved(draft.struck, draft.text, in_order),
        tokens=draft.tokens or {"prompt": 0, "completion": 0},
    )


def _foreign(draft: Answer) -> tuple[Notice, ...]:
    """A notice where most quotes of an answer made of them are in another language."""
    foreign = sum(c.passage.language != draft.language for c in draft.citations)
    is_quoted = draft.mode == ExtractiveAnswerer.name
    return (Notice("quotes_in_original"),) * (is_quoted and 2 * foreign > len(draft.citations))


def missing_places(plan: Plan, draft: Answer, catalog: Catalog) -> tuple[Notice, ...]:
    """Notices of the countries that a question names and its answer has nothing from.

    A single country with reports gets none: a report of another lab may be about it. Country names
    are in the language of the answer.
    """
    known, t = catalog.keys("country"), translations_for(draft.language)
    absent = [code for code in plan.places if code not in known]
    present = [code for code in plan.places if code in known]
    cited = {code for citation in draft.citations for code in citation.passage.report.iso}
    is_told = len(present) > 1 and not draft.refused and draft.coverage.intent != "list"
    uncited = [code for code in present if code not in cited] if is_told else []
    notices = []
    for code, places in (("no_reports_from", absent), ("nothing_cited_from", uncited)):
        if places:
            names = [country_label(english_name(place), t) for place in places]
            notices.append(Notice(code, {"places": join_parts(t, ", ", names)}))
    return tuple(notices)
