"""The rules that make a plan: what a question asks for, of which labs, by which tags."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rag.catalog.tag_fields import FREE_FIELDS, TAGS, CatalogQuery, Filters, ReportInfo
from rag.places.countries import countries_of_regions_in, means_one_of_a_region
from rag.query.conversation import (
    TURN,
    Thread,
    asking_clause,
    asks_for_similar,
    follow_up,
    has_topic,
    is_follow_up,
    is_new,
    is_one_work,
    joins_on,
    known_reports,
    language_in,
    names_topic,
    other_matter,
    picks,
    points_at_labs,
    points_back,
    quoted_labs,
    reports_meant,
    titled_reports,
    topic_stems,
)
from rag.query.entities import countries_in, country_spans, labs_in, region_in, without
from rag.query.forms import (
    OFF_TOPIC_CLEAR,
    as_topic,
    asks_about,
    form_of,
    has_sides,
    holds_stages,
    in_form,
    of_one_report,
    only_thanks,
    titled_sides,
)
from rag.query.gloss import meant
from rag.query.intents import CATALOG, TO_REPORTS, intent_scores, own_score
from rag.query.linker import Linker, Links
from rag.query.parts import parts_of, sides_of
from rag.query.tag_query import is_in_text, query_of, scores_of, sized, untagged_in
from rag.query.wordings import greeting_language, has_wording
from rag.query.works import ReportsWith, Works
from rag.text.sentences import overrides
from rag.text.tokenize import content_words, is_quantity
from rag.types import Intent, Notice, Plan, Side, Turn

_COUNTS = 0.5  # the score of a count from which a follow-up asks how many a list has
_OF_ALL = 0.5  # the lead of a question about the product over one to the only report
# The score of a question that is put to many labs; of one with the words of a title.
OF_MANY, _TITLED_OF_MANY = 0.45, 0.6
_OFF_TOPIC = 0.5  # the score of a question that may have nothing to do with reports
_OF_LAB = 0.6  # the score of a question that names a lab and asks for all of its work
_TO_WORK = ("report", "lab", "compare", "trend", "reasons")  # what work is told in
_CARRIED = ("topic", "reasons", "lab", "list")  # forms whose topic or lab a follow-up may be about
_RARE = 0.02  # of the reports have a word that names something


@dataclass(frozen=True, slots=True)
class Rules:
    """Makes plans by rules.

    Args:
        linker: finds what the collection has in a question.
        filters: those that the user set; they narrow the search.
        ignored: values that are not taken from a question; an empty one stands for its field.
        reports_with: finds the reports that have some words.
    """

    linker: Linker
    filters: Filters = Filters()
    ignored: Filters = Filters()
    reports_with: ReportsWith = lambda _: ()
    # The plans of questions before, by their places in the conversation: each follows from others.
    _lasts: dict[int, Plan] = field(init=False, default_factory=dict, compare=False)

    def plan(self, question: str, language: str, history: Sequence[Turn] = ()) -> Plan:
        """The plan of a question without slips, after a conversation (oldest turn first)."""
        catalog, filters = self.linker.catalog, self.filters
        if history and (other := self._other_matter(question, language, history)):
            return other
        question = question if history else asking_clause(question, language, self.linker)
        links = sized(self.linker.link(question, language), question, catalog)
        scores = scores_of(links)
        unwanted = links.filters(excluded=True).country
        linked = links.filters()
        labs = tuple(lab for lab in labs_in(question, catalog) if lab not in unwanted)
        # "Solutions for dry fields" may be plans, too; those of a country are what was collected.
        collected = labs or filters.country or has_wording("innovators", question)
        kind = linked.kind if collected or linked.kind != ("solution",) else ()
        named = Filters(country=labs, year=linked.year, type=linked.type, kind=kind)
        many = has_wording("many_labs", question)
        follows = is_follow_up(question, language, bool(named.country) or many, history, links)
        if follows and len(named.country) > 1 and has_wording("compare", question):
            # A list of no tags has nothing that could be compared: "how many reports per year?"
            last = self._last(history).query
            follows = not last or any(getattr(last.filters, name) for name in TAGS)
        titled = titled_reports(question, language, history, self.linker) if history else ()
        if titled and picks(question):
            # "The one where people report floods", but of no other labs or kinds of reports.
            follows = follows or not (named.country or many or links.kinds)
        works = Works(self.linker, self.reports_with)
        alone = tuple(catalog.ids(filters))
        alone = alone if len(alone) == 1 else ()
        about = asks_about(question, links, scores)
        if follows and not (about == ("thanks",) and only_thanks(question, language, scores)):
            about = None
        if alone and about in ((), ("self",)) and not overrides(question):
            # "Where is it?" is about the report.
            lead = max(scores["about"], scores["self"]) - max(scores[name] for name in TO_REPORTS)
            about = about if lead >= _OF_ALL else None
        if about is not None:
            language = greeting_language(question) or language
            return Plan(question, question, language, "about", filters, about=about)
        # "The stove one" is neither a list again nor a topic.
        if follows and not (titled and not has_wording("picks_many", question)):
            planned = self._repeat_list(question, links, scores, history)
            planned = planned or self._beyond(question, language, links, history)
            planned = planned or self._again(question, links, history)
            planned = planned or self._carried(question, language, links, history)
            if planned:
                return planned
        notices = self._missing(links)
        query = None if follows else query_of(links, scores, catalog)
        # Another name of a tag makes no list of a question for changes, reasons or a comparison.
        of_tags = max(scores, key=lambda name: scores[name]) not in _TO_WORK
        if not follows and of_tags and (more := meant(links, catalog, language)) is not links:
            # A fact in other words is taken where it makes a question one that tags answer.
            like = scores_of(more)
            by_meaning = query_of(more, like, catalog)
            if by_meaning and catalog.matching(by_meaning):
                links, scores, query = more, like, by_meaning
        # "What is the solution?" wants no list of one, "who used drones?" does; "how long, and
        # what did it cost?" is two.
        tagged = query and any(getattr(query.filters, n) for n in TAGS) and catalog.matching(query)
        is_plain = query and query.form == "list" and not (query.group_by or tagged)
        if alone and query and is_in_text(query, links, question, catalog):
            is_plain = True
        if query and not (alone and (is_plain or parts_of(question, language))):
            free = [link for link in links.links if link.field in (*FREE_FIELDS, "fact")]
            by_tags = query.form == "count" or query.lacking
            if not free or by_tags or catalog.matching(query):
                return self._list(question, language, query, links)
            # Where no report has the tag, the text of one may say it.
            tags = (" ".join(links.words[link.start : link.end]) for link in free)
            notices = (*notices, Notice("no_reports_tagged", {"tags": ", ".join(tags)}))
        if any(k.field == "year" and k.end - k.start > 1 for k in links.links):
            # "Bees of Togo 2021 to 2023" is rather told by its years.
            (ranged,) = intent_scores(links.masked().replace("YEAR", "YEAR to YEAR"))
            scores = {**scores, "trend": max(scores["trend"], ranged["trend"])}
        thread, narrowed = Thread(question), filters
        of_answer, is_work = tuple[str, ...](), False
        if follows:
            if points_at_labs(question) and not (named.country or region_in(question, catalog)):
                # "How much did they spend?" after a list is about its reports.
                last = self._last(history).query
                narrowed = filters.merged(last.filters) if last and not last.group_by else filters
            thread = follow_up(question, language, history, named, self.linker)
            # "What did the Niger one find?" picks a report, "and Niger?" names a place.
            places = (named.country and not picks(question)) or countries_of_regions_in(question)
            if not (places or has_wording("compare", question)):
                inside = catalog.ids(narrowed)
                quoted = reports_meant(question, language, history, self.linker)
                of_answer = tuple(i for i in quoted if i in inside)
            if is_work := is_one_work([catalog.reports[i] for i in of_answer]):
                # "Why?" says nothing without the question before it.
                asked = question if content_words(question, language) else thread.opening
                thread = Thread(asked, catalog.reports[of_answer[0]].countries, thread.year)
        standalone = thread.standalone
        named = named.merged(Filters(country=thread.country, year=thread.year))
        region = () if named.country else region_in(question, catalog)
        named = replace(named, country=named.country or region)
        compared = has_wording("compare", question)
        spans = {span for _, span in country_spans(question)}
        homes: Mapping[str, str] = {}
        sides: tuple[Side, ...] = ()
        if not (alone or follows):
            homes = works.homes(links.unlinked, question, language)
            whole = Plan(question, standalone, language, "answer", narrowed, named)
            if not (region or titled_sides(links, whole, works, scores)):
                sides = sides_of(question, language, links, homes)
            if not all(catalog.ids(Filters(country=(side.country,))) for side in sides):
                sides = ()
        joint = CatalogQuery(Filters(country=named.country), every=("country",))
        apart = compared and scores["compare"] > scores["passage"]
        if len(spans) == len(named.country) == 2 and not apart and catalog.matching(joint):
            # What two countries did together is no comparison.
            narrowed = narrowed.merged(Filters(country=named.country))
            named, sides = replace(named, country=()), ()
        if len(spans) == 1 and (told := {*homes.values()}.intersection(named.country)):
            # A town tells which of two countries of the same name is meant.
            named = replace(named, country=tuple(told))
        joined = [side.country for side in sides]
        countries = tuple(dict.fromkeys(homes.values()))
        stages = not (alone or follows or region or joined) and holds_stages(question)
        if stages and not named.country and len(countries) == 1:
            joined = list(countries)
        named = replace(named, country=tuple(dict.fromkeys((*joined, *named.country))))
        boosted = without(named, self.ignored, catalog)
        sides = tuple(side for side in sides if side.country in boosted.country)
        # Two labs are both wanted, however they are named; two years may be a span.
        two_labs = len(sides) > 1 or (len(spans) > 1 and len(boosted.country) > 1)
        # What changed in a region is told over the years.
        changes = bool(region) and scores["trend"] > scores["compare"]
        compares = two_labs or (has_sides(boosted) and compared and not changes)
        if not has_topic(standalone, language):
            # "What worked?" about the reports of a theme is about that theme.
            chosen = (*filters.theme, *filters.method, *filters.datasource, *filters.sdg)
            standalone = " ".join([standalone, *chosen])
        # "Which reports speak of ..." is put to all of them. Several labs that the user chose are
        # all heard, too, unless the question names one.
        listing = links.kinds or "country" in links.fields
        listing = listing and max(scores, key=lambda name: scores[name]) in CATALOG
        of_all = (listing or len(filters.country) > 1) and not named.country
        wide = compares or many or thread.wide or of_all
        if region and boosted.country and not means_one_of_a_region(question):
            # "In West Africa" leaves no doubt whose words are asked for.
            wide, narrowed = True, filters.merged(Filters(country=boosted.country))
        if thread.only and boosted.country:
            narrowed = filters.merged(Filters(country=boosted.country))
        on_topic = (*TO_REPORTS, "about") if alone else TO_REPORTS
        off_topic = scores["offtopic"] - max(scores[name] for name in on_topic)
        own_off = own_score("off", question) - _OFF_TOPIC
        own_off = own_off if own_off > OFF_TOPIC_CLEAR else -1.0
        form: Intent = "compare" if compares else "answer"
        planned = Plan(question, standalone, language, form, narrowed, boosted, wide)
        planned = replace(
            planned,
            ignored=without(named, boosted, catalog),
            follows=follows,
            notices=notices,
            off_topic=-1.0 if follows else max(own_off, off_topic),
            reports=of_answer,
            sides=sides if len(sides) > 1 else (),
            stages=stages and len(named.country) == 1,
        )
        planned = form_of(planned, links, scores, works)
        if planned.intent == "answer" and not boosted.country:
            # Words of a title are surely none in a question that is surely put to many.
            least = _TITLED_OF_MANY if planned.reports else OF_MANY
            of_many = own_score("many", question)
            named_one = countries or filters.country or spans or follows or alone
            # One for a number asks for a particular.
            if of_many > least and not (named_one or is_quantity(question)):
                off_topic = max(own_off, min(off_topic, scores["offtopic"] - of_many))
                planned = replace(planned, wide=True, reports=(), off_topic=off_topic)
            if not planned.reports:
                planned = replace(planned, boosted=replace(boosted, country=countries))
        elif planned.intent == "answer" and len(boosted.country) == 1 and planned.subject:
            particular = planned.reports or follows or alone or is_quantity(question)
            if own_score("lab", question) > _OF_LAB and planned.off_topic <= 0 and not particular:
                planned = in_form(planned, "lab")
        return of_one_report(planned, alone or of_answer) if alone or is_work else planned

    def _list(self, question: str, language: str, query: CatalogQuery, links: Links) -> Plan:
        catalog = self.linker.catalog
        wanted = without(query.filters, self.ignored, catalog)
        ignored = without(query.filters, wanted, catalog)
        query = replace(query, filters=self.filters.merged(wanted))
        planned = Plan(question, question, language, "list", query.filters, wide=True, query=query)
        return replace(planned, ignored=ignored, notices=self._missing(links))

    def _repeat_list(
        self, question: str, links: Links, scores: Mapping[str, float], history: Sequence[Turn]
    ) -> Plan | None:
        """The plan of the last list once more by other filters ("and in 2022?"), if it is asked."""
        new = without(links.filters(), self.ignored, self.linker.catalog)
        excluded = links.filters(excluded=True)
        untagged = untagged_in(links)
        fields = [name for name in links.fields if name not in ("country", *untagged)]
        counts = not (fields or untagged) and scores["count"] > _COUNTS
        if links.rest or not (new or excluded or fields or untagged or counts):
            return None
        last = self._last(history)
        if last.intent in ("topic", "reasons") and new and points_at_labs(question):
            # "Which of them were experiments?" of a topic's reports.
            narrowed = self.filters.merged(new.merged(last.filters))
            return replace(last, question=question, filters=narrowed, follows=True)
        if last.query is None:
            return None
        before = self.linker.catalog.settled(last.query)
        old, every = before.filters, before.every
        if new.kind or new.type:
            # "And the experiments?" asks for them in the place of plans, whoever wrote them.
            old = replace(old, type=(), kind=(), author=())
        if points_at_labs(question):
            # "Which of them used ethnography?" asks for reports with both methods.
            both = {n: (*getattr(old, n), *getattr(new, n)) for n in TAGS if getattr(new, n)}
            new, every = replace(new, **both), (*every, *both)
        query = replace(
            before,
            filters=self.filters.merged(new.merged(old)),
            every=every,
            excluded=excluded.merged(before.excluded),
            untagged=tuple(dict.fromkeys((*before.untagged, *untagged))),
            group_by="" if counts else (fields or [before.group_by])[0],
            form="count" if counts else before.form,
        )
        planned = replace(last, question=question, standalone=f"{last.standalone} {question}")
        return replace(planned, filters=query.filters, follows=True, query=query)

    def _again(self, question: str, links: Links, history: Sequence[Turn]) -> Plan | None:
        """The plan of the last question of other places, years or kinds ("only 2024", "and Togo?").

        None where more is asked, or where that was asked of a single work.
        """
        catalog = self.linker.catalog
        new = without(links.filters(), self.ignored, catalog)
        reports = known_reports(history[-1], catalog)
        newest = max((info.year or 0 for info in reports), default=0)
        if reports and has_wording("newer", question):
            later = tuple(year for year in catalog.years if year > newest)
            of_lab = {c for info in reports for c in info.countries}
            lab = tuple(of_lab) if len(of_lab) == 1 else ()
            new = replace(new, year=later or (newest + 1,), country=new.country or lab)
        elif links.rest or links.filters(excluded=True) or not new or new.theme:
            return None  # A theme is another topic.
        last = self._last(history)
        if last.intent in ("about", "list") or last.follows:
            return None
        text, places = last.standalone, [k for k in links.links if k.field == "country"]
        if places:
            named = " ".join(links.words[places[0].start : places[0].end])
            spans = sorted({span for _, span in country_spans(text)}, reverse=True)
            for n, (start, end) in enumerate(spans):
                text = f"{text[:start]}{named if n == len(spans) - 1 else ''}{text[end:]}"
            text = text if spans else f"{text} ({named})"
            new = replace(new, country=())
        narrowed = replace(self, filters=self.filters.merged(new))
        return narrowed.plan(text, last.language)

    def _other_matter(self, question: str, language: str, history: Sequence[Turn]) -> Plan | None:
        """The plan of a question that turns away from what was spoken of, if it names a matter."""
        rest = other_matter(question)
        if not has_topic(rest, language) or picks(rest):
            return None
        links = self.linker.link(rest, language)
        if not (links.rest or any(link.field in TAGS for link in links.links)):
            return None
        # "What did it teach them?" and "no, I meant the bees" are of the same lab.
        same = points_back(rest, language) or has_wording("corrects", question)
        labs = quoted_labs(history[-1], self.linker.catalog)
        if same and len(labs) == 1 and not (countries_in(rest) or countries_of_regions_in(rest)):
            rest = f"{rest} ({labs[0]})"
        return self.plan(rest, language)

    def _beyond(
        self, question: str, language: str, links: Links, history: Sequence[Turn]
    ) -> Plan | None:
        """The plan of a follow-up that leaves a work: for more of its lab, or of its topic.

        "What other experiments did they do?", "what was that lab up to in 2021?", "anything similar
        in Chad?", "and the drones?" None for any other.
        """
        catalog = self.linker.catalog
        reports = known_reports(history[-1], catalog)
        country = reports[0].countries if reports else ()
        if not (country and is_one_work(reports)):
            return None
        new = without(links.filters(), self.ignored, catalog)
        of_lab = f"{question} ({', '.join(country)})"
        others = has_wording("others", question) and links.kinds
        # "And in 2020?" asks of a topic again, if there is one.
        if has_wording("that_lab", question) or others or (new.year and not self._subject(history)):
            planned = self.plan(question if new.country else of_lab, language)
            is_list = planned.intent == "list" and links.kinds
            is_list = is_list and {*links.fields} <= {"year", "country"}
            if is_list or (planned.intent == "lab" and not planned.subject):
                return replace(planned, question=question, follows=True)
        if not new.country and self._names_other_work(question, language, reports):
            return self.plan(of_lab, language)
        if not asks_for_similar(question, language):
            return None
        named = new.country or region_in(question, catalog)
        elsewhere = tuple(place for place in named if place not in country)
        if named and not elsewhere:
            return None
        subject = self._subject(history) or reports[0].title
        if countries_in(question) and not named:
            # The answer says that the collection has nothing of there.
            return self.plan(f"{subject} – {question}", language)
        # Towns of the work are no part of its topic.
        words = re.findall(r"\w+", subject)
        homes = Works(self.linker, self.reports_with).homes(words, " ".join(words), language)
        topic = " ".join(word for word in words if word not in homes) or subject
        scope = self.filters.merged(Filters(country=elsewhere))
        planned = replace(replace(self, filters=scope).plan(topic, language), reports=())
        return planned if elsewhere else in_form(replace(planned, intent="answer"), "topic")

    def _subject(self, history: Sequence[Turn]) -> str:
        """What the last question that followed from none is about; "" where it names no topic."""
        asked = [n for n, turn in enumerate(history) if turn.role == "user"]
        plans = (self._planned(history, n) for n in reversed(asked))
        return next((plan.subject for plan in plans if not plan.follows), "")

    def _names_other_work(
        self, question: str, language: str, reports: Sequence[ReportInfo]
    ) -> bool:
        """Whether a question goes on to what is told by other reports of a lab, not by these.

        It has no word of theirs, and one of a title of the lab, or a rare one of its texts.
        """
        if not joins_on(question):
            return False
        known, inside = self.linker.catalog.reports, self.linker.catalog.ids(self.filters)
        told, named = {info.id for info in reports}, False
        for stems in topic_stems(question, language):
            having = set(self.reports_with([stems]))
            if not told.isdisjoint(having):
                return False
            if len(having) > _RARE * len(known):
                having = {i for stem in stems for i in self.linker.titled.get(stem, ())}
            named = named or any(known[i].lab == reports[0].lab for i in inside & having)
        return named

    def _carried(
        self, question: str, language: str, links: Links, history: Sequence[Turn]
    ) -> Plan | None:
        """The plan of a follow-up that asks for a list or a digest.

        "What problems did they have?" asks another thing of the topic, lab and tags of the last
        question, "and mangroves?" the same thing of another topic. None where the last answer was
        about a single work, or where passages answer it better.
        """
        last, catalog = self._last(history), self.linker.catalog
        of_one_lab = len(quoted_labs(history[-1], catalog)) == 1
        last = last if of_one_lab else as_topic(last)
        if last.intent not in (("lab", "list") if of_one_lab else _CARRIED) and not last.topics:
            return None
        # "Does any of it reach women?" is put to what was told of a topic.
        points = points_at_labs(question)
        points = points or (last.intent == "topic" and points_back(question, language))
        if points and has_topic(question, language):
            return None
        before = self.linker.link(last.standalone, last.language)
        said = f"{last.standalone} {history[-1].content[:TURN]}"
        is_other = is_new(question, language, said) and names_topic(question, language, self.linker)
        fields = {"country"} if is_other else {"country", *TAGS}
        if links.filters().country or countries_of_regions_in(question):
            fields.discard("country")
        named = (k for k in before.links if k.field in fields and not k.excluded)
        kept = {i for k in named for i in range(k.start, k.end)}
        topic = set() if is_other else set(last.subject.split())
        words = [w for i, w in enumerate(before.words) if i in kept or w in topic]
        if not (words or is_other):
            return None
        text = f"{question.rstrip(' ?؟')} – {' '.join(words)}" if words else question
        scope = last.filters.merged(replace(last.boosted, country=()))
        if last.query:
            settled = catalog.settled(last.query)
            # Labs that are named stand in the text.
            country = settled.filters.country if last.query.lacking else ()
            scope = replace(settled.filters, country=country)
        planned = replace(self, filters=self.filters.merged(scope)).plan(text, language)
        if is_other and not planned.query:
            form: Intent = "topic" if last.intent == "list" else last.intent
            planned = in_form(replace(planned, intent="answer", reports=()), form)
        # Of a single work its reports are asked, but "how many reports are there?".
        is_work = is_one_work(known_reports(history[-1], catalog)) and not links.kinds
        is_list = bool(planned.query) and not (links.kinds or links.fields)
        if planned.intent == "answer" or is_work or is_list:
            return None
        return replace(planned, question=question, follows=True)

    def _last(self, history: Sequence[Turn]) -> Plan:
        """The plan of the last question of a conversation."""
        last = max((i for i, turn in enumerate(history) if turn.role == "user"), default=0)
        return self._planned(history, last)

    def _planned(self, history: Sequence[Turn], n: int) -> Plan:
        """The plan of a turn of a conversation, after what was said before it."""
        if n not in self._lasts:
            before, earlier = history[n].content[:TURN], history[:n]
            self._lasts[n] = self.plan(before, language_in(before, earlier), earlier)
        return self._lasts[n]

    def _missing(self, links: Links) -> tuple[Notice, ...]:
        known, years = self.linker.catalog.years, ", ".join(map(str, links.missing_years))
        if not years or not known:
            return ()
        params = {"years": years, "first": str(known[0]), "last": str(known[-1])}
        return (Notice("no_reports_of_year", params),)
