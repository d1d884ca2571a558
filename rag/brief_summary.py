"""What a brief rests on, at a glance: its reports, the languages quoted, how it was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rag.labels import joined, language_words, reports_and_labs
from rag.translate import Words, marked, number
from rag.types import Answer

_QUOTED = marked(
    "Answers quote sentences of the reports word for word, in the language in which they were "
    "written; no language model took part."
)
_COUNTED = marked("Lists are computed from the reports' tags and complete.")
_WRITTEN = marked(
    "A language model ({model}) wrote answers from passages of the reports; each sentence was "
    "checked against the passages that it cites."
)


def summary(answers: Sequence[Answer], words: Words) -> Iterator[tuple[str, str]]:
    """The (label, value) pairs that stand over the answers; none where nothing is cited."""
    told = [answer for answer in answers if answer.citations and not answer.refused]
    cited = [citation.passage for answer in told for citation in answer.citations]
    if not cited:
        return
    reports = {passage.report.id: passage.report for passage in cited}
    labs = {code for info in reports.values() for code in info.iso or (info.lab,)}
    years = sorted({info.year for info in reports.values() if info.year})
    span = "–".join(map(str, dict.fromkeys((years[0], years[-1])))) if years else ""
    rests = words.gettext("{reports} of {labs}").format(
        **reports_and_labs(len(reports), len(labs), words)
    )
    yield words.gettext("Rests on"), joined(words, ", ", [rests, *([span] if span else [])])
    quoted = {passage.id: passage.language for passage in cited if passage.language}
    if quoted:
        counts = Counter(quoted.values())
        named = (
            f"{language_words(code, words)} ({number(words, n)})"
            for code, n in counts.most_common()
        )
        yield words.gettext("Passages by language"), joined(words, ", ", [*named])
    yield words.gettext("How it was made"), " ".join(_methods(told, words))


def _methods(answers: Sequence[Answer], words: Words) -> Iterator[str]:
    for mode in dict.fromkeys(answer.mode for answer in answers):
        said = {"extractive": _QUOTED, "catalogue": _COUNTED}.get(mode, _WRITTEN)
        yield words.gettext(said).format(model=mode)
