"""The sentences of reports as lines of a digest: what each tells, and how much it says.

What the answers under a form question tell (the challenge, what was found, what comes next ...) is
decided by example: `roles.toml` holds typical form questions of each role, and a form question has
the role of the nearest one. What stage its answers are of counts as well.

A sentence counts by how near it is to the topic and to what its report says most, and by what it
tells: numbers and names.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from rag.answer.candidates import MIN_ALONE, asks, kind_wanted, shares, without_question
from rag.answer.extractive import says_same
from rag.catalog.tag_fields import ReportInfo
from rag.citation.quotable import MIN_WORDS, Sentence, is_hypothesis, usable
from rag.models.embeddings import Embedding
from rag.models.encoder import Vectors, encode, unit
from rag.query.forms import asks_of_one, is_plain
from rag.text.tokenize import gives_quantity, terms, terms_of, words
from rag.types import FACTS, Hit, Passage, Plan, Stage

Role = Literal[
    "about", "challenge", "aim", "approach", "partners", "found", "barriers", "advice", "next",
    "extent", "other",
]  # fmt: skip
ROLES: tuple[Role, ...] = get_args(Role)
_PRIOR = 0.1  # cosine that the roles of a stage are ahead
_OF_STAGE: dict[Stage, tuple[Role, ...]] = {
    "intention": ("about", "challenge", "aim", "next"),
    "finding": ("found", "barriers", "advice", "next", "extent"),
    "partner": ("partners", "next"),
    "method": ("approach", "extent", "other"),
    "evidence": ("about", "challenge"),
    "admin": ("other",),
}
# What questions without a topic ask of any work, and from which cosine on they do.
_ASKABLE: tuple[Role, ...] = ("about", "challenge", "partners", "found", "barriers")
_ASKED_FROM = 0.55
# What questions for a kind of column (rag/survey/columns.toml) ask for.
ROLE_OF_KIND: dict[str, Role] = {
    "problem": "challenge", "partners": "partners", "learned": "found", "barriers": "barriers",
}  # fmt: skip
# The same of questions for reasons.
FINDING_OF_KIND: dict[str, Role] = {
    "barriers": "barriers", "changes": "advice", "advice": "advice",
}  # fmt: skip
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
_SHORT = 0.3  # what fewer words than a sentence has take from the score

_JOINS = re.compile(
    r"(?-i:[^\W\d_A-Z])|(?:th(?:is|ese|ose|ey)|it|he|she|such|rather|however|also|therefore|ce|cette|ces|cela"
    r"|ils?|elles?|est[eao]s?|es[ao]s?|ellos|ess[eao]s?|iss?to|eles?|هذا|هذه|ذلك"
    r"|(?:for|par|por) (?:example|instance|exemple|e[jx]emplo)|على سبيل المثال"
    r"|(?:in|dans|en) (?:this|ce|este|ese) cas[eo]?|nes[ts]e caso|في هذه الحالة"
    # "In 11 of them people moved", "De eso se vendió el 22%", "La troisième est ...".
    r"|(?:\w+ ){0,4}?(?:of them|de eso|d'entre (?:eux|elles)|disso|del[ea]s)"
    r"|(?:the|la|le|el|[oa]) (?:second|third|deuxième|troisième|segund[oa]|tercer[oa]|terceir[oa])"
    r"(?= (?:is|was|est|es|fue|é|foi)\b)"
    r"|(?:as a|como) result(?:ad)?o?(?! (?:of|de))|par conséquent|نتيجة لذلك)\b",
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
        read: list[Line] = []
        answers: list[str] = []
        for hit in hits:
            role, asked = role_and_weight(hit.passage)
            for sentence, before in _with_before(usable(hit.passage)) if role in roles else ():
                answer = without_question(sentence.text, hit.passage)
                spoken, text = words(answer), sentence.text
                # "N/A" is no summary, a question or a hypothesis no finding, what has no number no
                # extent.
                is_short = role in ("about", "challenge") and len(spoken) < MIN_ALONE
                is_asked = role != "aim" and asks(text)
                is_meant = role in FINDINGS and is_hypothesis(text)
                is_counted = role != "extent" or gives_quantity(text)
                if is_short or is_asked or is_meant or not is_counted:
                    continue
                if len(spoken) >= _SAID_BY_HEADING.get(role, len(spoken) + 1):
                    text = answer
                score = _ASKED * asked + _telling(answer, len(spoken))
                own = frozenset(spoken)
                read.append(Line(hit, sentence.start, text, role, own, score, 0.0, before, asked))
                answers.append(answer)
        if not read:
            return []
        vectors = np.asarray(self._embedding.get_text_embedding_batch(answers), np.float32)
        reports = np.array([line.report.id for line in read])
        central = np.zeros(len(read), np.float32)
        for report in set(reports.tolist()):
            own_rows = reports == report
            middle = vectors[own_rows].mean(axis=0)
            central[own_rows] = vectors[own_rows] @ middle / (np.linalg.norm(middle) or 1.0)
        near_to = near_to or self.plan.subject or self.plan.standalone
        near = self._nearness(vectors, near_to, [line.hit.passage.prompt for line in read])
        wanted = dict.fromkeys(terms(self.plan.subject, self.plan.language), 1.0)
        for i, line in enumerate(read if wanted else ()):
            languages = {line.hit.passage.language, self.plan.language}
            there = {term for language in languages for term in terms_of(line.words, language)}
            near[i] += _WORDS * sum(shares(wanted, there, self.plan.alike)) / len(wanted)
        return [
            replace(line, score=float(_CENTRAL * c + _TOPICAL * n) + line.score, topical=float(n))
            for line, c, n in zip(read, central, near, strict=True)
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


def role_and_weight(passage: Passage) -> tuple[Role, float]:
    """The role of a passage, and how much its form question asks for that alone, 0 to 1."""
    if passage.section == FACTS or passage.stage == "admin":
        return "other", 0.0
    return _role(passage.prompt or passage.section, passage.stage)


def role_of_question(question: str) -> Role:
    """The role of the findings that a question asks for."""
    return _role(question, "finding")[0]


def role_wanted(plan: Plan) -> Role | None:
    """The role that a question without a topic asks of the only report; None for no such thing."""
    if plan.asks or not is_plain(plan):
        return None
    if asks_of_one(plan) and (by_kind := ROLE_OF_KIND.get(kind_wanted(plan))):
        return by_kind
    # However little it is like questions to reports, it may be like one of their forms.
    examples, nearness = _near_examples(plan.standalone)
    best = int(np.argmax(nearness))
    role = examples[best][0]
    return role if nearness[best] >= _ASKED_FROM and role in _ASKABLE else None


@lru_cache(8192)  # form questions that are remembered
def _role(prompt: str, stage: Stage) -> tuple[Role, float]:
    examples, nearness = _near_examples(prompt)
    likely = np.array([role in _OF_STAGE[stage] for role, _ in examples], np.float32)
    return examples[int(np.argmax(nearness + _PRIOR * likely))]


def _near_examples(question: str) -> tuple[list[tuple[Role, float]], Vectors]:
    """The role and weight of each example, and its cosine to a question."""
    examples, vectors = _examples()
    return examples, vectors @ np.asarray(encode([question])[0], np.float32)


@cache
def _examples() -> tuple[list[tuple[Role, float]], Vectors]:
    data = tomllib.loads(Path(__file__).with_name("roles.toml").read_text("utf-8"))
    rows = [
        (role, 1 - n / len(data[role]), text) for role in ROLES for n, text in enumerate(data[role])
    ]
    return [(role, weight) for role, weight, _ in rows], unit(encode([text for *_, text in rows]))
