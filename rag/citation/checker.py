"""Checks what a model wrote, sentence by sentence: moves citations, marks doubts, strikes errors.

First come hard facts (`Verifier`). A number or a place of a claim must stand in the passages that
it cites; their lab, year, title, section and form question count as their words. What stands in
none of the passages that were read denies the claim; what stands only in others leaves it in doubt.
So does another passage that has far more of its words than those cited. Words are compared within
one language only.

Then, where one is set, a chat model judges all sentences of an answer in one call: those that cite
passages by these, others by all that were read. A sentence is struck where a hard fact denies it,
or where the model finds it unsupported and no passage has its words; all else that is in doubt
stays and is marked. `eval verify` measures all this.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import shorten
from typing import NamedTuple

from rag.citation.quotes import PARTLY, SUPPORTED
from rag.errors import ContextOverflow, ModelError
from rag.models.chat import make_chat
from rag.models.client import Stop
from rag.models.prompts import (
    Message,
    fenced,
    list_schema,
    messages_of,
    numbered,
    object_schema,
    prompts,
)
from rag.models.tokens import count_tokens
from rag.places.countries import english_name
from rag.query.entities import countries_in, places_in
from rag.query.planner import first_object
from rag.settings import Settings
from rag.text.citation_marks import (
    BOLD,
    keep_known,
    marks,
    marks_inside,
    statements,
    with_marks,
)
from rag.text.tokenize import (
    ITEM,
    LANGUAGES,
    is_computed,
    is_sum,
    numbers_in,
    share,
    spelled_in,
    terms,
    words,
)
from rag.types import Hit, Notice, Passage, Status, Struck

# A citation is moved to a passage that has so much of a claim's words, from those with so few.
NEARLY_ALL = 0.7
HARDLY_ANY = 0.4
# A claim is in doubt where another passage has so much more of its words than those it cites.
MORE_ELSEWHERE = 0.3
# Smaller numbers are not looked for where they are spelled: "one of two ways" counts nothing.
_LEAST_SPELLED = 3
# Sentences of fewer words ("In short:") make no claim.
_LEAST_WORDS = 4
# Tokens that the model may write for each sentence, and characters of a reason that are shown.
_TOKENS_PER_SENTENCE = 80
_LONGEST_REASON = 400
_MOST_READ = 40_000
_VERDICTS = ("supported", "partly", "unsupported")
_ENTRY = object_schema(
    sentence={"type": "integer"},
    reason={"type": "string"},
    verdict={"type": "string", "enum": list(_VERDICTS)},
)
_SCHEMA = object_schema(verdicts=list_schema(_ENTRY))


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence without marks, the passages from 1 that it cites, and what it stands under."""

    sentence: str
    cited: tuple[int, ...] = ()
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """An answer to a question, in a language, as claims, with the passages that were read."""

    claims: Sequence[Claim]
    passages: Sequence[Passage]
    question: str
    language: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether passages support a claim, and why not."""

    status: Status
    reason: Notice | None = None
    denied: bool = False  # whether a hard fact stands against it
    covered: float | None = None  # share of words in the best passage; None in other languages


class _Facts(NamedTuple):
    """The words, numbers and countries of passages."""

    terms: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()


def _joined(facts: Iterable[_Facts]) -> _Facts:
    return _Facts(*(frozenset().union(*column) for column in zip(*facts, strict=True)))


class Verifier:
    """Verifies the claims of one answer by the passages that were read for it."""

    def __init__(self, text: Text) -> None:
        passages, claims = text.passages, text.claims
        self._language, self._passages = text.language, passages
        self._question = numbers_in(text.question) | spelled_in(text.question)
        self._asked = frozenset(countries_in(text.question))
        self._by_number = {n: self._facts(p) for n, p in enumerate(passages, start=1)}
        self._all = _joined(self._by_number.values())
        # "These are eleven labs" and the like count what the answer has cited, or what was read.
        cited = {n for claim in claims for n in claim.cited}
        said = (text for claim in claims for text in (*claim.under, claim.sentence))
        named = {code for text in said for code in countries_in(text)}
        self._counts = {self._labs(cited), self._labs(self._by_number), str(len(named))}
        self._counts.add(str(len({passage.report.id for passage in passages})))
        self._years: defaultdict[str, set[int]] = defaultdict(set)
        for passage in passages:
            self._years[passage.report.lab].add(passage.report.year or 0)

    def _facts(self, passage: Passage) -> _Facts:
        text = f"{passage.context} {passage.section} {passage.text}"
        return _Facts(
            frozenset((*terms(text, self._language), *terms(text, passage.language), *words(text))),
            frozenset(numbers_in(text) | spelled_in(text)),
            frozenset((*countries_in(text), *passage.report.iso)),
        )

    def _labs(self, cited: Iterable[int]) -> str:
        return str(len({self._passages[n - 1].report.lab for n in cited}))

    def verify(self, claim: Claim) -> tuple[Claim, Verdict]:
        """The claim with the passages that it should cite, and the verdict on it with these."""
        wanted = set(terms(ITEM.sub("", claim.sentence), self._language))
        here = self._in_language(claim.cited)
        covered = share(wanted, _joined(self._by_number[n] for n in here).terms)
        others = {
            n: share(wanted, self._by_number[n].terms)
            for n in self._in_language(self._by_number)
            if n not in claim.cited
        }
        nearest = max(others, key=lambda n: others[n], default=0)
        most = others.get(nearest, 0.0)
        comparable = len(here) == len(claim.cited)
        if claim.cited and comparable and covered <= HARDLY_ANY and most >= NEARLY_ALL:
            claim, covered, most = replace(claim, cited=(nearest,)), most, 0.0
        best = max(covered, most) if here or others else None
        verdict = replace(self._by_facts(claim), covered=best)
        if verdict.reason or not comparable:
            return claim, verdict
        if claim.cited and (covered < PARTLY or most - covered >= MORE_ELSEWHERE):
            return claim, replace(verdict, status="partly", reason=Notice("said_in_part"))
        return claim, replace(verdict, status="supported") if covered >= SUPPORTED else verdict

    def _in_language(self, numbers: Iterable[int]) -> list[int]:
        return [n for n in numbers if self._passages[n - 1].language == self._language]

    def _years_told(self, claim: Claim) -> set[str]:
        """Of the years that a claim names those that it need not cite.

        An item begins with the years of all its sentences; of years between those of the reports it
        may be said that nothing is told.
        """
        years = set[int]().union(*self._years.values()) - {0}
        if not claim.cited:
            return {str(year) for year in range(min(years, default=0), max(years, default=0))}
        head = BOLD.match(claim.sentence)
        labs = {self._passages[n - 1].report.lab for n in claim.cited}
        own = {str(year) for lab in labs for year in self._years[lab]}
        return own & numbers_in(head[1]) if head else set()

    def _by_facts(self, claim: Claim) -> Verdict:
        """The verdict by numbers and places; "unchecked" where they say nothing against it."""
        cited, bare = claim.cited, ITEM.sub("", claim.sentence)
        facts = _joined(self._by_number[n] for n in cited) if cited else self._all
        written = numbers_in(bare)
        spelled = {n for n in spelled_in(bare) if int(n) >= _LEAST_SPELLED}
        counts = {self._labs(cited), str(len(countries_in(bare))), *self._counts}
        fine = self._question | counts | self._years_told(claim)

        def missing(numbers: set[str], facts: _Facts) -> list[str]:
            known = {*facts.numbers, *fine}
            return sorted(n for n in numbers - known if not is_sum(n, written - {n}))

        # What may be computed is no more than in doubt: a model that checks knows better.
        given = facts.numbers | written
        made_up = [n for n in missing(written, self._all) if not is_computed(n, given - {n})]
        asked = frozenset() if cited else self._asked
        named = countries_in(bare)
        places = [code for code in named if code not in facts.places | asked]
        for head in () if named else claim.under:
            if facts.places.isdisjoint(of_head := countries_in(head)):
                places += of_head
        # "French" may be a language: an adjective denies nothing.
        nowhere = [c for c in places_in(bare) if c not in self._all.places | self._asked]
        if numbers := made_up or missing(written, facts) or missing(spelled, facts):
            reason, is_denied = Notice("number_not_cited", {"number": numbers[0]}), bool(made_up)
        elif places:
            country = english_name((nowhere or places)[0])
            reason, is_denied = Notice("country_not_cited", {"country": country}), bool(nowhere)
        else:
            return Verdict("unchecked")
        return Verdict("unsupported" if is_denied else "partly", reason, is_denied)


# Judges the claims of a text, None where it says nothing of one, and tells how many tokens that
# took. Raises ModelError.
Judge = Callable[[Text, Stop], tuple[Sequence[Verdict | None], int]]


@dataclass(frozen=True, slots=True)
class CheckedText:
    """An answer after its check: what is left, what was struck, what came of its sentences."""

    text: str
    struck: tuple[Struck, ...] = ()
    doubted: tuple[Struck, ...] = ()
    statuses: Mapping[str, Status] = field(default_factory=dict)  # of sentences without marks
    corrected: frozenset[str] = frozenset()  # the sentences whose citations are new
    notices: tuple[Notice, ...] = ()
    tokens: int = 0  # that the model's check took

    @property
    def counts(self) -> Mapping[str, int]:
        """How many sentences have each status, were corrected and were struck."""
        counts = Counter[str](self.statuses.values())
        counts |= Counter(corrected=len(self.corrected), struck=len(self.struck))
        return dict(counts)


def check(
    text: str,
    passages: Sequence[Passage],
    language: str,
    question: str = "",
    judge: Judge | None = None,
    stop: Stop | None = None,
) -> CheckedText:
    """Check what a model wrote in a language, with marks that count the `passages` it read from 1.

    Without a `judge` hard facts alone are looked at. Where it fails, or `stop` is set, a sentence
    that no fact denies is "unchecked".
    """
    parts = list(_parts(marks_inside(text), len(passages)))
    claims = [claim for _, _, claim in parts if claim]
    checked, notices, tokens = verdicts(Text(claims, passages, question, language), judge, stop)
    results = iter(checked)
    pieces: list[str] = []
    struck: list[Struck] = []
    doubted: list[Struck] = []
    statuses: dict[str, Status] = {}
    corrected: set[str] = set()
    before = ""
    for gap, sentence, claim in parts:
        # Of what stood around struck sentences the wider gap stays: paragraphs stay apart.
        gap = max(gap, before, key=lambda space: space.count("\n"))
        before = ""
        if claim:
            final, verdict = next(results)
            if verdict.denied and verdict.reason:
                struck.append(Struck(claim.sentence, verdict.reason, len("".join(pieces))))
                before = gap
                continue
            if verdict.reason:
                doubted.append(Struck(claim.sentence, verdict.reason))
            statuses[claim.sentence] = verdict.status
            if final.cited != claim.cited:
                corrected.add(claim.sentence)
                sentence = with_marks(claim.sentence, final.cited)
        pieces += (gap, sentence)
    left = "".join(pieces).strip()
    found = tuple(struck), tuple(doubted), statuses, frozenset(corrected)
    return CheckedText(left, *found, notices, tokens)


def unchecked(text: str) -> CheckedText:
    """A text that nothing checks."""
    text = marks_inside(text)
    claims = [claim for _, _, claim in _parts(text, 0) if claim]
    return CheckedText(text, statuses={claim.sentence: "unchecked" for claim in claims})


def verdicts(
    text: Text, judge: Judge | None = None, stop: Stop | None = None
) -> tuple[list[tuple[Claim, Verdict]], tuple[Notice, ...], int]:
    """Claims as they should cite, with verdicts; notices of a failure; the `judge`'s tokens."""
    verifier = Verifier(text)
    by_facts = [verifier.verify(claim) for claim in text.claims]
    if judge is None or not by_facts:
        return by_facts, (), 0
    stop = stop or Stop()
    judged: Sequence[Verdict | None] = [None] * len(by_facts)
    notices: tuple[Notice, ...] = ()
    tokens = 0
    if not stop.is_set():
        try:
            judged, tokens = judge(replace(text, claims=[claim for claim, _ in by_facts]), stop)
        except ModelError as error:
            notices = () if stop.is_set() else (error.notice, Notice("not_checked"))
    pairs = zip(by_facts, judged, strict=True)
    both = [(claim, _both(facts, verdict)) for (claim, facts), verdict in pairs]
    return both, notices, tokens


def _both(facts: Verdict, judged: Verdict | None) -> Verdict:
    if facts.denied:
        # A model that finds it supported may know better, not so much that nothing is said.
        status: Status = "partly" if judged and judged.status == "supported" else "unsupported"
        return replace(facts, status=status, denied=status == "unsupported")
    if judged is None:
        return Verdict("unchecked")
    # Labs are taken for each other by models, too; by rules hardly ever.
    if judged.status == "supported" and facts.reason and facts.reason.code == "country_not_cited":
        return facts
    far = facts.covered is not None and facts.covered < PARTLY
    return replace(judged, denied=judged.status == "unsupported" and far)


def _parts(text: str, known: int) -> Iterator[tuple[str, str, Claim | None]]:
    """Each sentence with what stands before it, and what it claims, if it does."""
    last = 0
    for start, end, under, beside in statements(text):
        sentence = text[start:end]
        numbers = dict.fromkeys(marks(sentence) or beside)
        cited = tuple(n for n in numbers if 1 <= n <= known)
        bare = keep_known(sentence, 0).strip()
        claim = Claim(bare, cited, under) if makes_claim(sentence) else None
        yield text[last:start], sentence, claim
        last = end


def makes_claim(sentence: str) -> bool:
    """Whether a sentence says something that reports could support; headings and frames don't."""
    bare = keep_known(sentence, 0).strip()
    plain = bare.rstrip("*_ ")
    is_head = plain.endswith((":", "：")) or BOLD.fullmatch(bare)
    is_cited = bool(marks(sentence))
    if plain.startswith(("#", "|")) or (is_head and not is_cited):
        return False
    return len(words(plain)) >= (1 if is_cited else _LEAST_WORDS)


def make_judge(settings: Settings) -> Judge | None:
    """The chat model that judges claims; None where the settings name none, or no writer."""
    if settings.check in ("facts", "off") or settings.answer_model == "extractive":
        return None
    named = {} if settings.check == "model" else {"model": settings.check}
    llm = make_chat(settings.model_copy(update=named), retries=0)

    def judge(text: Text, stop: Stop) -> tuple[Sequence[Verdict | None], int]:
        assert llm is not None
        count, messages = len(text.claims), _messages(text)
        writer = replace(llm, max_tokens=_TOKENS_PER_SENTENCE * (count + 2))
        try:
            reply = writer.complete(messages, settings.timeout, _SCHEMA, stop)
        except ContextOverflow:
            messages = _messages(text, True)
            reply = writer.complete(messages, settings.timeout, _SCHEMA, stop)
        entries = first_object(reply, ["verdicts"], _MOST_READ).get("verdicts")
        found = dict(filter(None, map(_read, entries))) if isinstance(entries, list) else {}
        if not found:
            raise ModelError(Notice("language_model_reply_broken"))
        tokens = sum(count_tokens(said) for said in (*(m["content"] for m in messages), reply))
        return [found.get(n) for n in range(1, count + 1)], tokens

    return judge


def _read(entry: object) -> tuple[int, Verdict] | None:
    """A sentence's number and verdict as a model wrote them, None where it is none."""
    if not isinstance(entry, dict) or entry.get("verdict") not in _VERDICTS:
        return None
    n, reason = entry.get("sentence"), " ".join(str(entry.get("reason", "")).split())
    said = keep_known(reason, 0).encode("utf-8", "ignore").decode()
    shown = shorten(said, _LONGEST_REASON, placeholder=" …")
    notice = Notice("text", {"text": shown}) if shown else Notice("not_said")
    verdict = Verdict(entry["verdict"], None if entry["verdict"] == "supported" else notice)
    return (n, verdict) if type(n) is int else None


def _messages(text: Text, is_short: bool = False) -> list[Message]:
    """The chat messages that ask for verdicts; where `is_short` with the cited passages alone."""
    everything = not is_short and any(not claim.cited for claim in text.claims)
    cited = {n for claim in text.claims for n in claim.cited}
    shown = numbered(
        (n, Hit(passage, 0.0))
        for n, passage in enumerate(text.passages, start=1)
        if everything or n in cited
    )
    asked = [
        fenced(
            "sentence",
            claim.sentence,
            number=n,
            cites=", ".join(map(str, claim.cited)) or "all",
            under=" / ".join(claim.under),
        )
        for n, claim in enumerate(text.claims, start=1)
    ]
    system = prompts()["check"] % LANGUAGES.get(text.language, "the language of the sentences")
    parts = ["Passages:", shown, fenced("question", text.question), "Sentences:", *asked]
    return messages_of(system, "\n\n".join(parts))
