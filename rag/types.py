"""The words of the product as types: reports, passages, questions, answers."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from rag.catalog.tag_fields import FILTER_FIELDS, CatalogQuery, Filters, ReportInfo

Stage = Literal["intention", "finding", "partner", "method", "evidence", "admin"]
Status = Literal["supported", "partly", "unsupported", "unchecked"]
Intent = Literal["answer", "report", "lab", "compare", "trend", "topic", "reasons", "list", "about"]
PlannedBy = Literal["rules", "model", "fallback"]
Role = Literal["user", "assistant"]
Span = tuple[int, int]
# Told the name of a stage, how much of it is done, and how much there is (0: not known).
Progress = Callable[[str, int, int], None]
FREE_TEXT = "Text of the report"  # prompt of what stands under no heading and no question
FACTS = "Facts of this report"  # section and prompt of what only tags say: "Label: value" a line


@dataclass(frozen=True, slots=True)
class Block:
    """What a lab wrote under one form question."""

    section: str
    prompt: str
    text: str  # what the spans hold, cleaned
    spans: tuple[Span, ...]  # character ranges in the file
    occurrence: int = 0  # of equal prompts in the section, from 0


@dataclass(frozen=True, slots=True)
class Report:
    """One parsed file: its tags, its answer blocks, and its verbatim text."""

    info: ReportInfo
    blocks: tuple[Block, ...]
    raw: str
    unanswered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit of retrieval: an answer block or a token-bounded part of it."""

    id: str
    report: ReportInfo
    section: str
    prompt: str
    text: str
    spans: tuple[Span, ...]
    stage: Stage = "evidence"
    language: str = "en"
    part: int = 1  # of its block, from 1 to `parts`
    parts: int = 1

    @property
    def place(self) -> tuple[str, str]:
        """Section and form question to show; the question is "" where a heading serves as one."""
        if not self.section:
            return self.prompt, ""
        return self.section, "" if self.prompt == self.section else self.prompt

    @property
    def context(self) -> str:
        """The line that goes before the text when it is embedded, searched or prompted."""
        info = self.report
        where = " ".join(x for x in (info.lab, str(info.year or ""), info.kind) if x)
        return " | ".join(x for x in (where, info.title, self.prompt) if x)

    @property
    def in_context(self) -> str:
        """The text after its context without contacts, as it is embedded, searched and reranked."""
        from rag.text.contacts import mask_contacts  # Loading it takes time.

        return mask_contacts(f"{self.context}\n{self.text}", self.report.iso)


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that retrieval found."""

    passage: Passage
    score: float  # fused from all rankings, or of the place that a reranker gave it
    similarity: float = 0.0  # its cosine to the question; 0 where only words found it
    siblings: tuple[ReportInfo, ...] = ()  # the lab's other reports that say the same, folded
    relevance: float | None = None  # a cross-encoder's, 0 to 1


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Role
    content: str
    reports: tuple[str, ...] = ()  # ids of those that an answer quotes


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell a reader: a code, and what fills its message (`rag.i18n.labels`)."""

    code: str
    params: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alike:
    """A word of a question, and the terms of the collection that are like it."""

    terms: frozenset[str]  # its own
    near: Mapping[str, float]  # terms with their similarity
    english: frozenset[str] = frozenset()  # terms of its English word in a glossary
    rarity: float = 0.0  # of its own terms in the collection; 0 for a word that only asks


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison of places."""

    question: str  # the part of the whole question that is put to the country
    country: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One of the things that a question asks for."""

    question: str  # its words
    standalone: str  # its words with what it is about
    gloss: str = ""  # that word by word in English, where it is in another language


@dataclass(frozen=True, slots=True)
class Plan:
    """How a question was understood."""

    question: str
    standalone: str  # without slips; needs no conversation before it
    language: str = "en"
    intent: Intent = "answer"
    filters: Filters = Filters()  # what narrows the search
    boosted: Filters = Filters()  # what the question names: its reports come first
    wide: bool = False  # put to many labs: the passages are spread over reports
    ignored: Filters = Filters()  # what the question names and the user does not want
    follows: bool = False  # carries on the conversation
    planner: PlannedBy = "rules"  # "fallback": the rules, after a model failed
    about: tuple[str, ...] = ()  # fields of the collection that an "about" question asks for
    countries: tuple[str, ...] = ()  # codes of those that the stand-alone question names
    places: tuple[str, ...] = ()  # of those that the question names other than by an adjective
    alike: tuple[Alike, ...] = field(default=(), compare=False)
    query: CatalogQuery | None = None  # answers a "list" question
    notices: tuple[Notice, ...] = ()  # what of the question could not be understood
    off_topic: float = -1.0  # how much more it is like questions to no report than like others
    reports: tuple[str, ...] = ()  # ids of those that the question names by their titles
    subject: str = ""  # the words that say what it is about, without labs, years and kinds
    concept: str = ""  # what reports call that, where it is named in everyday words
    hint: str = ""  # what they may call it, where that is not sure
    alone: bool = False  # whether there is only one report to ask
    sides: tuple[Side, ...] = ()  # the places that a "compare" question joins
    topics: tuple[str, ...] = ()  # that a "compare" question holds against each other
    stages: bool = False  # it compares the stages of a work, not places
    one_thing: bool = False  # it asks for only one thing of each side
    gloss: str = ""  # `standalone` word by word in English, without a region it is narrowed to
    asks: tuple[Ask, ...] = ()  # what it asks for, if that is more than one thing of one work

    @property
    def named(self) -> str:
        """What reports call the topic, or may call it."""
        return self.concept or self.hint

    @property
    def renamed(self) -> str:
        """The stand-alone question with what reports call its topic, if that is another name."""
        return f"{self.standalone} ({self.named})" if self.named else self.standalone

    @property
    def english(self) -> str:
        """That in English; "" where it can't be told."""
        own = self.gloss or (self.standalone if self.language == "en" else "")
        return f"{own} ({self.named})" if own and self.named else own

    @property
    def first(self) -> Filters:
        """What comes first without narrowing the search: no field that is narrowed anyway."""
        narrowed = [field for field in FILTER_FIELDS if getattr(self.filters, field)]
        return replace(self.boosted, **dict.fromkeys(narrowed, ()))


@dataclass(frozen=True, slots=True)
class Citation:
    """A number in the answer that points to a passage, with the words that support it."""

    n: int
    passage: Passage
    quote: str
    status: Status = "supported"
    # Where the quote stands in the report's file, apart from white space, entities, quote marks
    # and dashes; None where that is not known.
    span: Span | None = None
    corrected: bool = False  # the writer cited another passage or none


@dataclass(frozen=True, slots=True)
class Struck:
    """A sentence that was left out of an answer, or is in doubt, and why."""

    text: str
    reason: Notice
    at: int = -1  # where in the answer's text it stood; -1 where that is not known


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which reports matched, and which of them the answer rests on."""

    intent: Intent
    # Ids, those that are cited first; all of a list, and of a topic all that speak of it.
    reports: tuple[str, ...] = ()
    labs: tuple[str, ...] = ()
    matched_reports: int = 0  # in scope that speak of the question
    read_passages: int = 0
    read_reports: int = 0
    filters: Filters = Filters()
    # Ids of more reports that name in their text, not in their tags, what a list asks for; `hits`
    # has a passage of each.
    mentioned: tuple[str, ...] = ()
    first: Filters = Filters()  # what the question names: it came first without narrowing
    ignored: Filters = Filters()  # what the question names and the user did not want
    read: tuple[str, ...] = ()  # ids of the reports that were read
    unread: tuple[tuple[str, int], ...] = ()  # how many others matched, by lab
    excluded: Filters = Filters()  # values whose reports were left out
    table: tuple[tuple[str, int], ...] = ()  # values of `grouped_by`, their numbers of reports
    grouped_by: str = ""  # the field whose values the question asks for
    split: str = ""  # another field that divides these
    cells: tuple[str, ...] = ()  # what each of these holds of it, in the answer's language
    sides: tuple[str, ...] = ()  # the names of what a comparison has beside each other
    speaking: int = 0  # how many reports speak of a topic, as its survey estimates

    @property
    def count(self) -> int:
        """How many reports the answer rests on."""
        return len(self.reports)


@dataclass(frozen=True, slots=True)
class GenerationRecord:
    """Which model wrote an answer from which prompt, and what that cost; empty where none wrote."""

    model: str = ""
    prompt_version: str = ""
    cost_usd: float | None = None  # an estimate by list prices; None where no price is known
    prices_of: str = ""  # the month of these prices
    passages: int = 0  # that the model was given
    tokens: int = 0  # of all its prompts
    window: int = 0  # tokens that each prompt could have
    steps: tuple[Notice, ...] = ()  # what the model looked for before it wrote


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer."""

    question: str
    standalone: str
    text: str  # with marks "[n]"; each n has a citation
    refused: bool
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    coverage: Coverage
    mode: str
    language: str = "en"
    timings: Mapping[str, float] = field(default_factory=dict)  # ms: plan, retrieve, answer
    tokens: Mapping[str, int] = field(default_factory=dict)
    index: str = ""
    notices: tuple[Notice, ...] = ()  # tell the reader how the answer came about
    planner: PlannedBy = "rules"  # that of its Plan
    struck: tuple[Struck, ...] = ()  # a model's sentences that were left out of `text`
    doubted: tuple[Struck, ...] = ()  # those in `text` that are not wholly supported
    # A model's sentences by status, and as corrected (citations) and struck.
    checked: Mapping[str, int] = field(default_factory=dict)
    generation: GenerationRecord = field(default_factory=GenerationRecord)

    def restored(self, n: int) -> "Answer":
        """The answer with its struck sentence `n` (from 0) put back, in doubt."""
        back, text = self.struck[n], self.text
        at = len(text) if back.at < 0 else min(back.at, len(text))
        new = f"{' ' if text[:at].strip() else ''}{back.text}{'' if at else ' '}"
        left = (s for i, s in enumerate(self.struck) if i != n)
        counts = Counter(self.checked) + Counter(unsupported=1) - Counter(struck=1)
        return replace(
            self,
            text=text[:at] + new + text[at:],
            struck=tuple(replace(s, at=s.at + len(new)) if s.at >= at else s for s in left),
            doubted=(*self.doubted, back),
            checked=dict(counts),
        )

    @property
    def cited(self) -> Mapping[str, ReportInfo]:
        """The reports that are cited, by their ids."""
        return {c.passage.report.id: c.passage.report for c in self.citations}

    @property
    def turn(self) -> Turn:
        """The answer as a message of its conversation."""
        return Turn("assistant", self.text, tuple(self.cited))

    @property
    def cited_labs(self) -> int:
        """How many of the labs that it rests on wrote something that is cited."""
        own = (info for info in self.cited.values() if info.author == "lab")
        named = {name for info in own for name in info.countries}
        return len(named.intersection(self.coverage.labs))

    @property
    def is_list(self) -> bool:
        """Whether it is a complete list of reports, which names them itself."""
        return self.coverage.intent == "list" and not (self.refused or self.coverage.table)

    @property
    def comparison(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The rows of a comparison's table: what they are about, and the cell of each side.

        In the text a row is a heading with a list item for each side, which begins with its name.
        """
        rows = []
        for part in self.text.split("\n### ")[1:] if self.coverage.sides else ():
            heading, *items = part.split("\n")
            items += [""] * len(self.coverage.sides)
            cells = [
                item.removeprefix(f"- {side}").lstrip(" :\u00a0\u202f")
                for item, side in zip(items, self.coverage.sides, strict=False)
            ]
            rows.append((heading, tuple(cells)))
        return tuple(rows)

    @property
    def mentions(self) -> tuple[Hit, ...]:
        """A passage of each report that only mentions what a list asks for."""
        first = {hit.passage.report.id: hit for hit in reversed(self.hits)}
        return tuple(first[i] for i in self.coverage.mentioned if i in first)
