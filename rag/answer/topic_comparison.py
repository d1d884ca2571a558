"""Two topics of a whole collection beside each other: how many reports speak of each, and what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rag.answer.chosen import ReportChooser
from rag.answer.lines import part_of
from rag.answer.writing import HEADINGS, PLANNED, SOLUTIONS, DigestWriter
from rag.catalog.tag_fields import TAGS, Filters, ReportInfo
from rag.i18n.labels import format_count, format_label, join_parts, survey_sentence, value_label
from rag.i18n.translations import Translations, marked
from rag.query.gloss import meant
from rag.survey.classifier import Speaking
from rag.survey.types import Survey
from rag.text.citation_marks import defuse

# The parts of reports that topics are told by, each by so many labs.
_PARTS_OF_TOPIC = {"found": HEADINGS["found"], "planned": PLANNED, "solutions": SOLUTIONS}
_MOST_OF_TOPIC = 4


class TopicComparer(DigestWriter):
    """Writes comparisons of topics."""

    def topics(self) -> Iterator[str]:
        """How many reports speak of each topic, of which years and kinds, and what they tell."""
        self.sides, material = self.plan.topics, self.material
        surveys, told, tagged, parts = [], [], [], defaultdict[str, list[str]](list)
        for topic in self.sides:
            plan = replace(self.plan, standalone=topic, subject=topic, gloss="")
            asked = replace(material.surveys, plan=plan)
            side = ReportChooser(replace(material, plan=plan, surveys=asked, hits=()))
            # Of all years, whether or not the joint question found them.
            survey, infos, lines = side.surveyed(by_year=True)
            if not survey:
                return
            surveys.append(survey)
            speaking = [row.report for row in survey.found]
            told.append(self.overview(speaking) if speaking else "")
            tagged.append(self._tagged(topic, survey.filters))
            own = {r.id: said for r in infos if (said := [x for x in lines if x.report.id == r.id])}
            of_labs: dict[str, dict[str, str]] = {part: {} for part in _PARTS_OF_TOPIC}
            for said in side.likely_of_each(own, survey).values():
                info = said[0].report
                part, telling = part_of(info, said, asked=False)
                labs = of_labs.get(part, {})
                is_new = info.lab not in labs and len(labs) < _MOST_OF_TOPIC
                if is_new and (best := self.pick(telling, 1)):
                    # A cell has several speakers.
                    labs[info.lab] = format_label(
                        self.t, f"**{self.named(info)}**", self.quote(best)
                    )
            for part, labs in of_labs.items():
                parts[part].append(" ".join(labs.values()))
        yield leading(surveys, [len(ids) for _, ids in tagged], self.t)
        counts = [survey_sentence(survey, self.t) for survey in surveys]
        rows = [*self.row(marked("Reports that speak of it"), counts)]
        if all(ids for _, ids in tagged):
            cells = [f"{format_count(len(ids), 'report', self.t)}{name}" for name, ids in tagged]
            rows += self.row(marked("Reports tagged with it"), cells)
        rows += self.row(marked("Years, kinds and themes"), told)
        self.counted = "\n".join(rows)
        yield self.head(hit.passage.report for hit in self.quoted.values())
        yield from rows
        for part, cells in parts.items():
            yield from self.row(_PARTS_OF_TOPIC[part], cells) if any(cells) else ()

    def _tagged(self, topic: str, scope: Filters) -> tuple[str, set[str]]:
        """The tags that a topic is, in brackets, and their reports; none for what is no tag."""
        linker, language, ids = self._surveys.open().linker, self.plan.language, self.catalog.ids
        links = meant(linker.link(topic, language), self.catalog, language)
        values = {name: getattr(links.filters(), name) for name in TAGS}
        of_tags = {name: own for name, own in values.items() if own and not links.rest}
        reports = {i for name, own in of_tags.items() for i in ids(Filters.of({name: own}))}
        names = [value_label(name, value, self.t) for name, own in of_tags.items() for value in own]
        return f" ({join_parts(self.t, '; ', names)})" if names else "", reports & ids(scope)

    def said_of(self, topics: Iterable[str], reports: Iterable[ReportInfo]) -> dict[str, Speaking]:
        """What reports say of any of some topics, by their ids."""
        ids, said = [info.id for info in reports], dict[str, Speaking]()
        for topic in topics:
            survey = replace(self._surveys, plan=replace(self.plan, subject=topic))
            for i, speaks in survey.speaking(ids).items():
                said[i] = max(said.get(i, speaks), speaks, key=lambda x: x.says)
        return said


def leading(surveys: Sequence[Survey], tagged: Sequence[int], t: Translations) -> str:
    """Which of two topics has more reports, by their texts and, where both are, by tags."""
    first, second = surveys
    texts = (first.interval[0] > second.interval[1]) - (second.interval[0] > first.interval[1])
    tags = (tagged[0] > tagged[1]) - (tagged[0] < tagged[1]) if all(tagged) else 0
    more, fewer = surveys if (tags or texts) > 0 else reversed(surveys)
    if not (texts or tags):
        said = t.gettext("These numbers are too uncertain to say which has more reports.")
    elif texts == -tags:
        said = t.gettext("By tags “{more}” has more reports, by their texts “{fewer}”.")
    elif texts:
        said = t.gettext("Clearly more reports speak of “{more}” than of “{fewer}”.")
    else:
        said = t.gettext(
            "By tags “{more}” has more reports than “{fewer}”; by their texts that is not sure."
        )
    return said.format(more=defuse(more.topic), fewer=defuse(fewer.topic))
