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
    """What a lab wrote under one form question.

    `spans` are character ranges in the file, `text` is what they hold, cleaned. `occurrence` counts
    equal prompts of a section from 0.
    """

    section: str
    prompt: str
    text: str
    spans: tuple[Span, ...]
    occurrence: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One parsed file: its tags, its answer blocks, and its verbatim text."""

    info: ReportInfo
    blocks: tuple[Block, ...]
    raw: str
    unanswered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit of retrieval: an answer block or a token-bounded part of it.

    `part` counts from 1 to `parts`.
    """

    id: str
    report: ReportInfo
    section: str
    prompt: str
    text: str
    spans: tuple[Span, ...]
    stage: Stage = "evidence"
    language: str = "en"
    part: int = 1
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
    """A passage that retrieval found, with its fused score or that of the place a reranker gave it.

    `similarity` is its cosine to the question, 0 where only words found it; `relevance`, 0 to 1, a
    cross-encoder's. `siblings` are the lab's other reports that say the same and were folded.
    """

    passage: Passage
    score: float
    similarity: float = 0.0
    siblings: tuple[ReportInfo, ...] = ()
    relevance: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation; of an answer also the ids of the reports that it quotes."""

    role: Role
    content: str
    reports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell a reader: a code, and what fills its message (`rag.i18n.labels`)."""

    code: str
    params: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alike:
    """A word of a question: its own `terms`, and by their similarity the terms `near` to it.

    `english` has the terms of its English word in a glossary; `rarity` is that of its own terms in
    the collection, 0 for a word that only asks.
    """

    terms: frozenset[str]
    near: Mapping[str, float]
    english: frozenset[str] = frozenset()
    rarity: float = 0.0


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison of places: the part of the question that is put to its country."""

    question: str
    country: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One of the things that a question asks for: its words, and with what it is about.

    `gloss` is the latter word by word in English where it is in another language.
    """

    question: str
    standalone: str
    gloss: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a question was understood.

    `standalone` is the question without slips that needs no conversation before it. `filters`
    narrow the search; `boosted` is what the question names and therefore comes first; `ignored` is
    what it names and the user does not want. `wide` questions are put to many labs: their passages
    are spread over reports. A question that `follows` carries on the conversation. `planner` made
    the plan ("fallback": the rules, after a model). An `about` question asks for these fields of
    the collection. `countries` are the codes of those that the stand-alone question names, `places`
    of those that the question itself names other than by an adjective. `alike` are terms of the
    collection that are like its words. A "list" question has the `query` that answers it. `notices`
    tell what of the question could not be understood. `off_topic` is by how much it is more like
    questions to no report than like others. `reports` are the ids of those that it names by their
    titles; `subject` are the words that say what it is about, but for labs, years and kinds.
    `alone` is whether there is but one report to ask. `sides` are the places that a "compare"
    question joins, unless it holds the `stages` of a work against each other; `one_thing` is
    whether it asks for no more than one thing of each. `gloss` is a stand-alone question of another
    language word by word in English. `asks` are what it asks for, where that is more than one thing
    of one work.
    """

    question: str
    standalone: str
    language: str = "en"
    intent: Intent = "answer"
    filters: Filters = Filters()
    boosted: Filters = Filters()
    wide: bool = False
    ignored: Filters = Filters()
    follows: bool = False
    planner: PlannedBy = "rules"
    about: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    alike: tuple[Alike, ...] = field(default=(), compare=False)
    query: CatalogQuery | None = None
    notices: tuple[Notice, ...] = ()
    off_topic: float = -1.0
    reports: tuple[str, ...] = ()
    subject: str = ""
    alone: bool = False
    sides: tuple[Side, ...] = ()
    stages: bool = False
    one_thing: bool = False
    gloss: str = ""
    asks: tuple[Ask, ...] = ()

    @property
    def english(self) -> str:
        """The stand-alone question in English; "" where that can't be told."""
        return self.standalone if self.language == "en" else self.gloss

    @property
    def first(self) -> Filters:
        """What comes first without narrowing the search: no field that is narrowed anyway."""
        narrowed = [field for field in FILTER_FIELDS if getattr(self.filters, field)]
        return replace(self.boosted, **dict.fromkeys(narrowed, ()))


@dataclass(frozen=True, slots=True)
class Citation:
    """A number in the answer that points to a passage, with the words that support it.

    `span` is where the quote stands in the report's file, white space, entities, quote marks and
    dashes aside; None where that is not known. `corrected` is set where the writer cited another
    passage or none.
    """

    n: int
    passage: Passage
    quote: str
    status: Status = "supported"
    span: Span | None = None
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Struck:
    """A sentence that was left out of an answer, or is in doubt, and why.

    `at` is where in the answer's text it stood, -1 where that is not known.
    """

    text: str
    reason: Notice
    at: int = -1


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which reports matched, and which of them the answer rests on.

    `reports` are the ids that the answer rests on, those that it cites first; the complete list for
    intent "list", and for a topic also all others that its survey says speak of it.
    `matched_reports` counts the reports in scope that speak of the question; `read` are the ids of
    those read, `unread` counts the others by lab. `mentioned` are, for intent "list", ids of more
    reports that name what was asked for in their text but not in their tags; a hit is of each.
    `first` is what the question names that came first without narrowing, `ignored` was not wanted.
    `excluded` are values whose reports were left out; `table` are the values of the field
    `grouped_by` that the question asks for, with their numbers of reports; where these are `split`
    by another field, the text tells them. `sides` are the names of what a comparison has beside
    each other.
    """

    intent: Intent
    reports: tuple[str, ...] = ()
    labs: tuple[str, ...] = ()
    matched_reports: int = 0
    read_passages: int = 0
    read_reports: int = 0
    filters: Filters = Filters()
    mentioned: tuple[str, ...] = ()
    first: Filters = Filters()
    ignored: Filters = Filters()
    read: tuple[str, ...] = ()
    unread: tuple[tuple[str, int], ...] = ()
    excluded: Filters = Filters()
    table: tuple[tuple[str, int], ...] = ()
    grouped_by: str = ""
    split: str = ""
    sides: tuple[str, ...] = ()
    speaking: int = 0

    @property
    def count(self) -> int:
        """How many reports the answer rests on."""
        return len(self.reports)

    @property
    def values(self) -> tuple[tuple[str, int], ...]:
        """The rows of a table that says all that the text does."""
        return () if self.split else self.table


@dataclass(frozen=True, slots=True)
class GenerationRecord:
    """Which model wrote an answer from which wording of the prompt, and what that cost.

    Empty where no model wrote. `cost_usd` is an estimate: tokens as counted here, at the list
    prices of the month `prices_of`; None where no price is known. The model was given so many
    `passages`, in prompts of so many `tokens` in all, each for its `window`. `steps` tell what it
    looked for before it wrote.
    """

    model: str = ""
    prompt_version: str = ""
    cost_usd: float | None = None
    prices_of: str = ""
    passages: int = 0
    tokens: int = 0
    window: int = 0
    steps: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. `text` carries `[n]` marks; each n has a citation.

    `timings` are milliseconds: plan_ms, retrieve_ms, answer_ms. `notices` tell the reader how the
    answer came about. `planner` is that of its Plan. `struck` are a model's sentences left out of
    `text`, `doubted` those in it that are not wholly supported; `checked` counts its sentences by
    their status, and as corrected (citations) and struck.
    `generation` says which model wrote it.
    """

    question: str
    standalone: str
    text: str
    refused: bool
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    coverage: Coverage
    mode: str
    language: str = "en"
    timings: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, int] = field(default_factory=dict)
    index: str = ""
    notices: tuple[Notice, ...] = ()
    planner: PlannedBy = "rules"
    struck: tuple[Struck, ...] = ()
    doubted: tuple[Struck, ...] = ()
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
