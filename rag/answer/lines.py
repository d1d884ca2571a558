"""The sentences of reports as lines of a digest: what each tells, and how much it says.

A sentence counts by how near it is to the topic and to what its report says most, and by what it
tells: numbers and names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from rag.answer.candidates import MIN_ALONE, shares, without_question
from rag.answer.extractive import says_same
from rag.answer.roles import ROLES, Role, role_and_weight
from rag.catalog.tag_fields import ReportInfo
from rag.citation.quotable import MIN_WORDS, Sentence, usable
from rag.models.embeddings import Embedding
from rag.models.encoder import Vectors
from rag.text.tokenize import gives_quantity, terms, terms_of, words
from rag.types import Hit, Plan

# The roles that tell most of a report, the most telling first, and those that tell what came of it.
TELLING: tuple[Role, ...] = (
    *("found", "barriers", "advice", "about", "aim", "challenge", "approach"),
)
FINDINGS: tuple[Role, ...] = TELLING[:3]
# Roles whose headings say what their form questions ask, with how many words say enough there.
_SAID_BY_HEADING: Mapping[Role, int] = {
    **dict.fromkeys(("about", "challenge", "partners", "barriers", "advice"), MIN_ALONE),
    **dict.fromkeys(("aim", "found", "next"), MIN_WORDS),
}
# What a sentence's nearness to its report's others counts, and to the topic; what a number adds, a
# name, and what too few or too many words take, or a beginning that needs the sentence
# before; what all of the topic's words add to its nearness, and a form question that asks for what
# its role is.
_CENTRAL, _TOPICAL, _NUMBER, _NAME, _ODD, _WORDS, _ASKED = 0.5, 1.0, 0.04, 0.02, 0.1, 0.2, 0.1
_GOOD_LENGTH = range(8, 45)  # words
# The share of the nearest line's nearness to the topic that others have that are on it.
_NEAR_AT_ALL = 0.6
_MOST_TITLE = 70  # characters of a title that names a line
_SHORT = 0.3  # what fewer words than a sentence has take from the score

_QUOTES, _ASKS = ' "”»)', ("?", "؟")
_JOINS = re.compile(
    r"(?-i:[^\W\d_A-Z])|(?:th(?:is|ese|ose|ey)|it|he|she|such|rather|however|also|therefore|ce|cette|ces|cela"
    r"|ils?|elles?|est[eao]s?|es[ao]s?|ellos|ess[eao]s?|iss?to|eles?|هذا|هذه|ذلك)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence that can be quoted: where it stands, what it tells, and how much it says.

    `before` is the sentence that it points back to, or ""; `asked` is how much its form question
    asks for what its role is.
    """

    hit: Hit
    start: int
    text: str
    role: Role
    words: frozenset[str]
    score: float
    topical: float
    before: str = ""
    asked: float = 0.0

    @property
    def place(self) -> tuple[str, int]:
        """The id of its passage, and where it starts there."""
        return self.hit.passage.id, self.start

    @property
    def report(self) -> ReportInfo:
        """The report that it stands in."""
        return self.hit.passage.report


def asks(text: str) -> bool:
    """Whether a sentence asks."""
    return text.rstrip(_QUOTES).endswith(_ASKS)


class LineReader:
    """Reads the lines of passages for one question, and picks those that say most."""

    def __init__(self, plan: Plan, embedding: Embedding) -> None:
        self.plan = plan
        self._embedding = embedding
        self._chosen: list[frozenset[str]] = []

    def lines(
        self, hits: Iterable[Hit], roles: Collection[Role] = ROLES[:-1], near_to: str = ""
    ) -> list[Line]:
        """The sentences of passages with these roles; what they are to be near to is the topic."""
        read = [(hit, *role_and_weight(hit.passage)) for hit in hits]
        found = [
            (hit, role, asked, sentence, answer, spoken, before)
            for hit, role, asked in read
            if role in roles
            for sentence, before in _with_before(usable(hit.passage))
            # What was asked is no finding, and what has no number no extent.
            if (role == "aim" or not asks(sentence.text))
            if role != "extent" or gives_quantity(sentence.text)
            for answer in [without_question(sentence.text, hit.passage)]
            for spoken in [words(answer)]
            # "N/A" is no summary.
            if role not in ("about", "challenge") or len(spoken) >= MIN_ALONE
        ]
        if not found:
            return []
        answers = [answer for *_, answer, _, _ in found]
        vectors = np.asarray(self._embedding.get_text_embedding_batch(answers), np.float32)
        reports = np.array([hit.passage.report.id for hit, *_ in found])
        central = np.zeros(len(found), np.float32)
        for report in set(reports.tolist()):
            own = reports == report
            middle = vectors[own].mean(axis=0)
            central[own] = vectors[own] @ middle / (np.linalg.norm(middle) or 1.0)
        near_to = near_to or self.plan.subject or self.plan.standalone
        near = self._nearness(vectors, near_to, [hit.passage.prompt for hit, *_ in found])
        wanted = dict.fromkeys(terms(self.plan.subject, self.plan.language), 1.0)
        for i, (hit, *_, spoken, _) in enumerate(found):
            languages = {hit.passage.language, self.plan.language} if wanted else ()
            there = {term for language in languages for term in terms_of(spoken, language)}
            near[i] += _WORDS * sum(shares(wanted, there, self.plan.alike)) / (len(wanted) or 1)
        return [
            Line(
                hit,
                sentence.start,
                _shown(sentence, answer, spoken, role),
                role,
                frozenset(spoken),
                float(_CENTRAL * c + _TOPICAL * n) + _ASKED * asked + _telling(answer, len(spoken)),
                float(n),
                before,
                asked,
            )
            for (hit, role, asked, sentence, answer, spoken, before), c, n in zip(
                found, central, near, strict=True
            )
        ]

    def _nearness(self, vectors: Vectors, near_to: str, prompts: Sequence[str]) -> Vectors:
        """How near answers are to the topic; of a question without one, their form questions."""
        if not self.plan.subject:
            if self.plan.intent != "reasons":
                return np.zeros(len(vectors), np.float32)
            of_prompt = {prompt: n for n, prompt in enumerate(dict.fromkeys(prompts))}
            embedded = self._embedding.get_text_embedding_batch(list(of_prompt))
            vectors = np.asarray(embedded, np.float32)[[of_prompt[prompt] for prompt in prompts]]
        asked = self._embedding.get_query_embedding(near_to)
        return vectors @ np.asarray(asked, np.float32)

    def pick(self, lines: Iterable[Line], count: int) -> list[Line]:
        """The best lines that say nothing that was told before, in the order of their report."""
        lines = list(lines)
        order = {id(line): i for i, line in enumerate(lines)}
        picked: list[Line] = []
        for line in sorted(lines, key=lambda line: -line.score):
            own = line.words
            if len(picked) == count:
                break
            if not any(says_same(own, c) for c in self._chosen):
                picked.append(line)
                self._chosen.append(own)
        return sorted(picked, key=lambda line: order[id(line)])

    def pick_asked(self, lines: Iterable[Line]) -> list[Line]:
        """The best new line, of those whose form question asks most for their role; or none."""
        by_asked = groupby(sorted(lines, key=lambda x: -x.asked), key=lambda x: x.asked)
        return next(filter(None, (self.pick(same, 1) for _, same in by_asked)), [])


def _with_before(sentences: Sequence[Sentence]) -> Iterator[tuple[Sentence, str]]:
    """Sentences, each with the one before it if it points back to that."""
    before = ""
    for sentence in sentences:
        points = bool(_JOINS.match(sentence.text))
        yield sentence, before if points and sentence.text[0].isupper() else ""
        before = "" if points else sentence.text


def _telling(text: str, count: int) -> float:
    """What a sentence's numbers and names add to its score, and an odd count of words takes."""
    numbers = min(3, len(re.findall(r"\d+", text)))
    names = min(3, len(re.findall(r"(?<=[\w,] )[A-Z]\w{2,}", text)))
    odd = (count not in _GOOD_LENGTH) + bool(_JOINS.match(text))
    return _NUMBER * numbers + _NAME * names - _ODD * odd - _SHORT * (count < MIN_WORDS)


def _shown(sentence: Sentence, answer: str, spoken: Sequence[str], role: Role) -> str:
    """A sentence's words; without its form question where the heading says as much."""
    least = _SAID_BY_HEADING.get(role)
    return answer if least and len(spoken) >= least else sentence.text


def on_topic(lines: Sequence[Line]) -> list[Line]:
    """The lines that are not far from the topic beside the nearest ones."""
    least = _NEAR_AT_ALL * max((line.topical for line in lines), default=0.0)
    return [line for line in lines if line.topical >= least]


def first_role(lines: Sequence[Line]) -> list[Line]:
    """The lines of the most telling role that there is."""
    roles = {line.role for line in lines}
    first = next((role for role in TELLING if role in roles), None)
    return [line for line in lines if line.role == first]


def finds(lines: Iterable[Line]) -> bool:
    """Whether some lines tell what came of the work."""
    return any(line.role in FINDINGS for line in lines)


def part_of(info: ReportInfo, lines: Sequence[Line], asked: bool) -> tuple[str, list[Line]]:
    """The part of a digest that a report belongs to, and the lines that it may have there.

    Of lines that all say what is `asked`, those of what was done are told with findings, not those
    of what was to be found out. Only a plan tells what is planned.
    """
    if info.author != "lab":
        return "solutions", [*lines] if asked else first_role(lines)
    done = info.kind != "plan"
    tried = [line for line in lines if done and line.hit.passage.stage != "intention"]
    if finds(lines):
        return "found", [x for x in lines if x.role in FINDINGS or (asked and x in tried)]
    part = "tried" if tried else "about" if done else "planned"
    return part, (tried or [*lines]) if asked else first_role(tried or lines)


def title_of(info: ReportInfo) -> str:
    """A report's title as the name of a line."""
    title = re.sub(r"^\W*\d+[.)]\s*|[\[\]*:()_]", " ", info.title)
    title = " ".join(title.split())
    return title if len(title) <= _MOST_TITLE else title[:_MOST_TITLE].rsplit(" ", 1)[0] + " …"
