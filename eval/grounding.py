"""Citation recall and precision as ALCE defines them, and the statuses that an answer shows.

Source: Gao, Yen, Yu and Chen 2023, "Enabling Large Language Models to Generate Text with
Citations" (ALCE), section 4.3. There a model of entailment judges; here it is a `Support`: by
rules (`rag.citation.verify`, anew, over the text and the passages of a finished answer), or a chat
model.

The rules also strike sentences from what a model writes for us, so by them its answers can hardly
look bad: between our answers and those of another system that a model wrote, a chat model is the
fairer judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from eval.matching import fold
from rag.citation.judge import Judge, make_judge
from rag.citation.verify import Verifier
from rag.errors import SettingsError
from rag.settings import Settings
from rag.text.marks import cited_sentences
from rag.types import Answer, Passage

# Characters of passages that the chat model is shown for a sentence: no source is cut, neither
# ours (300 tokens) nor the longer ones of the baselines, but where many are cited together.
SHOWN = 6000
# Shorter ones ("3 labs wrote:") state nothing. Of sentences without citations in 477 answers of
# other systems, 2 of 20 with up to 10 letters state something, 7 of 20 with up to 20, and 16 of 20
# with up to 40.
LEAST_LETTERS = 20
_LEAD = re.compile(r"^(?P<lab>[^():]{2,120}) \([^()]{1,60}\): ")
_ENDS = " .!?؟。…\"'"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer to `question` and passages that are to support it together."""

    sentence: str
    passages: tuple[Passage, ...]
    language: str
    question: str = ""


# Whether each claim is supported; None where the judge has no opinion.
Support = Callable[[Sequence[Claim]], Sequence[bool | None]]


def alce(answer: Answer, support: Support) -> tuple[float | None, float | None]:
    """Citation recall and precision of an answer, None where they don't apply.

    Recall is the share of its sentences that cite passages which support them together. Precision
    is the share of its citations (a passage in a sentence) that are not irrelevant: the sentence
    is supported, and the passage supports it alone or is needed for that. Sentences without an
    opinion of the judge count in neither.
    """
    asked: list[Claim] = []
    places: dict[tuple[str, ...], int] = {}
    stated = list(statements(answer))

    def ask(sentence: str, passages: Sequence[Passage]) -> int:
        # Of two citations the one alone is what is left without the other: asked once.
        place = places.setdefault((sentence, *(p.id for p in passages)), len(asked))
        if place == len(asked):
            asked.append(Claim(sentence, tuple(passages), answer.language, answer.standalone))
        return place

    plan = []
    for sentence, cited in stated:
        parts = range(len(cited)) if len(cited) > 1 else ()
        alone = [ask(sentence, cited[i : i + 1]) for i in parts]
        without = [ask(sentence, [*cited[:i], *cited[i + 1 :]]) for i in parts]
        plan.append((ask(sentence, cited) if cited else -1, alone, without, len(cited)))
    said = support(asked) if asked else ()
    recalls: list[float] = []
    good: list[float] = []
    for whole, alone, without, count in plan:
        if whole >= 0 and said[whole] is None:
            continue
        supported = whole >= 0 and bool(said[whole])
        recalls.append(float(supported))
        # A single citation is relevant where it supports.
        needed = [bool(said[a]) or not said[w] for a, w in zip(alone, without, strict=True)]
        good += [float(supported and n) for n in (needed if count > 1 else [True] * count)]
    return _mean(recalls), _mean(good)


def sent_ok(answer: Answer) -> float | None:
    """The share of its sentences that an answer shows as supported, by the status of citations.

    Each number in the sentence has a citation of that status. Read back from the answer; `alce`
    judges anew.
    """
    supported = {c.n for c in answer.citations if c.status == "supported"}
    stated = [numbers for _, numbers in _stated(answer.text)]
    return _mean([float(bool(numbers) and set(numbers) <= supported) for numbers in stated])


def statements(answer: Answer) -> Iterator[tuple[str, list[Passage]]]:
    """The sentences of an answer that state something, each with the passages that it cites."""
    passages = {c.n: c.passage for c in answer.citations}
    for sentence, numbers in _stated(answer.text):
        yield sentence, [passages[n] for n in dict.fromkeys(numbers) if n in passages]


def by_rules(claims: Sequence[Claim]) -> list[bool | None]:
    """Whether the rules of `rag.citation.verify` find claims supported.

    What stands in a passage word for word needs no rules.
    """
    verifiers = {question: Verifier(question=question) for question in {c.question for c in claims}}
    return [
        any(_stands(claim.sentence, passage) for passage in claim.passages)
        or verifiers[claim.question].verify(claim.sentence, claim.passages, claim.language).status
        == "supported"
        for claim in claims
    ]


def by_model(judge: Judge) -> Support:
    """A chat model as the judge; it is asked once an answer."""

    def support(claims: Sequence[Claim]) -> list[bool | None]:
        pairs = [(c.sentence, "\n".join(p.text for p in c.passages)) for c in claims]
        return [None if said is None else said == "supported" for said in judge(pairs)]

    return support


def _stated(text: str) -> Iterator[tuple[str, list[int]]]:
    # Half a surrogate pair, which a model's server may send, has no vector.
    whole = text.encode("utf-8", "replace").decode("utf-8")
    for sentence, numbers in cited_sentences(whole):
        frame = sentence.endswith((":", "：")) or len(re.findall(r"\w", sentence)) <= LEAST_LETTERS
        if numbers or not frame:
            yield sentence, numbers


def _stands(sentence: str, passage: Passage) -> bool:
    """Whether a sentence stands in a passage, the name of the passage's own lab before it aside."""
    lead = _LEAD.match(sentence)
    own = bool(lead) and fold(lead["lab"]) == fold(passage.report.lab) if lead else False
    said = sentence[lead.end() :] if lead and own else sentence
    bare = fold(said).strip(_ENDS)
    return bool(bare) and bare in fold(passage.text)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def make_support(settings: Settings, judge: str) -> Support:
    """The judge of that name: "rules", or "model" for the chat model that the settings name.

    Raises:
        SettingsError: they name no chat model.
    """
    if judge == "rules":
        return by_rules
    model = make_judge(settings.model_copy(update={"judge": True}), shown=SHOWN)
    if model is None:
        raise SettingsError(
            "There is no chat model to judge. Set ASKLABS_MODEL, or leave out --judge model."
        )
    return by_model(model)
