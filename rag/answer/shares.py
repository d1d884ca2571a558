"""Says how many reports of each year, or of each side of a comparison, speak of a topic.

That more of one do is said only where it is hardly by chance.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from rag.i18n.labels import format_count, format_label, join_parts, kinds_label
from rag.i18n.translations import Translations, format_share
from rag.survey.evidence import LEAST_OF_YEAR, trend, trend_score
from rag.survey.types import Survey, TrendPoint

_CLEARLY = 1.96  # the z-score that one in twenty has by chance


def over_the_years(survey: Survey, t: Translations) -> str:
    """The share of each year's reports, and whether it grows; "" for fewer than two years.

    Years of few reports have no share. What innovators wrote is collected in some years and not in
    others: whether the share grows, the labs' own reports tell.
    """
    shares = [(point.year, point.share) for point in trend(survey) if point.share is not None]
    if len(shares) < 2:
        return ""
    listed = [f"{year} ({format_share(t, share)})" for year, share in shares]
    label = t.gettext("Share of each year's reports that speak of it")
    own = tuple(row for row in survey.rows if row.report.author == "lab")
    grows = _grows(trend(replace(survey, rows=own)), t)
    return f"{format_label(t, label, join_parts(t, '; ', listed))}. {grows}".rstrip()


def _grows(points: Sequence[TrendPoint], t: Translations) -> str:
    """Whether the share of the labs' own reports grows or falls; "" for fewer than two years."""
    told = [(p.year, p.reports, p.found) for p in points if p.share is not None]
    if len(told) < 2:
        return ""
    score = trend_score(told)
    if abs(score) < _CLEARLY:
        return t.gettext("Of the labs' own reports the share neither clearly grows nor falls.")
    if score > 0:
        return t.gettext("Of the labs' own reports the share clearly grows.")
    return t.gettext("Of the labs' own reports the share clearly falls.")


def of_sides(
    sides: Mapping[str, Collection[str]], survey: Survey, t: Translations
) -> tuple[str, list[str]]:
    """Which side clearly has more reports that speak of the topic, or ""; how many each has.

    `sides` are the ids of the reports of each, by its name.
    """
    cells, counts = [], []
    for name, ids in sides.items():
        kinds = [row.report.kind for row in survey.found if row.report.id in ids]
        of_all, share = format_count(len(ids), "report", t), len(kinds) / max(1, len(ids))
        about = t.gettext("about {k} of {n} ({share})")
        told = about.format(k=len(kinds), n=of_all, share=format_share(t, share))
        cells.append(format_label(t, told, kinds_label(kinds, t)) if kinds else told)
        counts.append((share, name, len(ids), len(kinds)))
    (_, first, n, k), (_, _, other_n, other_k), *_ = sorted(counts, reverse=True)
    is_few = min(n, other_n) < LEAST_OF_YEAR
    if is_few or trend_score([(0, other_n, other_k), (1, n, k)]) < _CLEARLY:
        return "", cells
    more = t.gettext("“{topic}”: a clearly larger share of the reports of {side} speaks of it.")
    return more.format(side=first, topic=survey.topic), cells
