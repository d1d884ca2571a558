"""Measures the check of sentences on replies of a chat model that people labelled.

Each reply is checked twice, in one call of the model each time: as it was written, and with each
sentence that has a twin with a planted error replaced by it. So no reader sees both. Intervals are
95 % bootstrap intervals over replies.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from eval.cases import read_text
from eval.report import Estimate, estimate
from rag.catalog.tag_fields import ReportInfo
from rag.citation.checker import Claim, Judge, Text, makes_claim, verdicts
from rag.errors import InputError
from rag.i18n.labels import notice_words
from rag.places.countries import resolve_countries
from rag.text.citation_marks import keep_known
from rag.text.tokenize import language_of
from rag.types import Passage, Stage, Status


@dataclass(frozen=True, slots=True)
class LabelledPassage:
    """A passage as a reply's prompt showed it, "kind: title" in `report`."""

    n: int
    lab: str
    report: str
    text: str
    year: str = ""
    section: str = ""
    form_question: str = ""
    stage: Stage = "evidence"

    @property
    def passage(self) -> Passage:
        """The passage as the check reads it."""
        kind, _, title = self.report.partition(": ")
        year = int(self.year) if self.year.isdigit() else None
        iso = tuple(code for code, _ in resolve_countries(self.lab))
        name = f"{self.lab} {self.year} {self.report}"
        info = ReportInfo(name, title, countries=(self.lab,), iso=iso, year=year, kind=kind)
        place = (str(self.n), info, self.section, self.form_question)
        return Passage(*place, self.text, (), self.stage, language_of(self.text))


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """A sentence and its label; the `error` planted in it, and the sentence it was made `of`."""

    text: str
    cited: tuple[int, ...]
    label: Status
    error: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class LabelledReply:
    """A reply to a question, its passages and its sentences."""

    id: str
    question: str
    passages: tuple[LabelledPassage, ...]
    sentences: tuple[LabelledSentence, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the check made of a sentence of a reply."""

    reply: str
    sentence: LabelledSentence
    struck: bool = False
    marked: bool = False


_REPLY = TypeAdapter(LabelledReply)


def load_replies(path: Path) -> list[LabelledReply]:
    """Labelled replies from JSON lines; an InputError names a line that is none."""
    replies = []
    lines = read_text(path, "Name a file of labelled replies.").split("\n")
    for number, line in enumerate(lines, start=1):
        try:
            replies += [_REPLY.validate_json(line)] if line.strip() else []
        except ValidationError as error:
            needs = "Each line needs id, question, passages and sentences."
            raise InputError(f"{path}, line {number}: not a labelled reply. {needs}") from error
    return replies


def check_replies(replies: Sequence[LabelledReply], judge: Judge | None) -> list[Outcome]:
    """The outcome of each sentence by hard facts and a judge; an InputError where that failed."""
    outcomes: list[Outcome] = []
    for reply in replies:
        planted = {s.of: s for s in reply.sentences if s.error}
        written = [s for s in reply.sentences if not s.error]
        outcomes += _checked(reply, written, judge)
        changed = _checked(reply, [planted.get(s.text, s) for s in written], judge)
        outcomes += [outcome for outcome in changed if outcome.sentence.error]
    return outcomes


def _checked(
    reply: LabelledReply, sentences: Sequence[LabelledSentence], judge: Judge | None
) -> list[Outcome]:
    stating = [s for s in sentences if makes_claim(s.text)]
    claims = [Claim(keep_known(s.text, 0), s.cited) for s in stating]
    language = language_of(" ".join(claim.sentence for claim in claims))
    passages = [labelled.passage for labelled in reply.passages]
    checked, notices, _ = verdicts(Text(claims, passages, reply.question, language), judge)
    if notices:
        raise InputError(f"A check by the model failed: {notice_words(notices[:1])}")
    # What makes no claim is neither struck nor marked.
    found = {s.text: Outcome(reply.id, s) for s in sentences}
    for sentence, (final, verdict) in zip(stating, checked, strict=True):
        marked = verdict.status in ("partly", "unsupported") or final.cited != sentence.cited
        marked = marked and not verdict.denied
        found[sentence.text] = Outcome(reply.id, sentence, verdict.denied, marked)
    return list(found.values())


def measures(outcomes: Sequence[Outcome]) -> dict[str, Estimate]:
    """Each measure with its interval; `n` counts sentences."""
    wrong = [o for o in outcomes if o.sentence.error]
    right = [o for o in outcomes if o.sentence.label == "supported" and not o.sentence.error]
    counted = {
        "right_struck": [(o.reply, o.struck) for o in right],
        "right_marked": [(o.reply, o.marked) for o in right],
        "wrong_struck": [(o.reply, o.struck) for o in wrong],
        "wrong_doubted": [(o.reply, o.struck or o.marked) for o in wrong],
    }
    results = {}
    for name, found in counted.items():
        if sizes := Counter(reply for reply, _ in found):
            hits = Counter(reply for reply, is_hit in found if is_hit)
            shares = [hits[reply] / size for reply, size in sizes.items()]
            results[name] = replace(estimate(shares, [*sizes.values()]), n=len(found))
    return results
