"""Links the words of a question to what the collection has: places, years, kinds, fields, values.

One mechanism for all languages: every name of a thing is a phrase of stems, and a question names
the things whose whole phrase stands in it, the longest first. Phrases are the values of the
catalog as they are written, and their names in five languages (`rag/catalog/names.toml`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from operator import itemgetter

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import canonical_sdg, in_dictionary, is_slip, usage
from rag.catalog.tag_fields import FREE_FIELDS, TAGS, Filters, listed_names
from rag.places.countries import countries_of_regions_in, english_name, fold_name, region_words
from rag.query.entities import (
    country_spans,
    places_in_order,
    region_in,
    year_spans,
    years_in,
    years_named,
)
from rag.query.usual_words import (
    ARABIC,
    is_usual,
    is_usual_word,
    light_words,
    stem_in,
    tokens,
    usual_words,
)
from rag.query.wordings import any_of, is_among
from rag.text.tokenize import LANGUAGES, NUMERALS, stop_words, terms

_LONGEST = 8  # words of the longest phrase that is looked for
# A tag with more values than this is no choice from a list: people write it freely.
_MOST_VALUES = 12
# The most words between a value and the word for its field ("the method of co-creation").
_NEAR = 2
_FEW = 5  # words of a question whose language is a guess
_GOAL = re.compile(
    r"\b(?:sdgs?|ods|odds?|goals?|objectifs?|objetivos?|الهدف|هدف)\W{0,2}(\d{1,2})\b"
)
# Marks of short vowels, which few people write.
VOWELS = re.compile("[\u064b-\u065f\u0670]")
_BREAK = re.compile(r"\s?[,;:.!?،؛؟]")
_WORD = range(2, 41)  # letters of a word that may name something
_Meaning = tuple[str, str]  # a field and a value
_PLACEHOLDERS = {"country": "COUNTRY", "year": "YEAR", "type": "KIND", "kind": "KIND"}


@dataclass(frozen=True, slots=True)
class Link:
    """Words `start` to `end` of a question that name values of a filter field.

    Where they name a field itself, `field` is "" and `values` holds its name. An `excluded` value
    is not wanted. `joined` tells how the link follows the one before it: "and", "or" or "".
    """

    start: int
    end: int
    field: str
    values: tuple[str | int, ...]
    excluded: bool = False
    joined: str = ""

    def is_beside(self, value: Link) -> bool:
        """Whether this link of a field stands beside a value of the field."""
        fact = str(value.values[0]).partition(": ")[0] if value.field == "fact" else ""
        named = value.values and self.values[0] in (value.field, fact)
        return bool(named) and max(value.start - self.end, self.start - value.end) <= _NEAR


@dataclass(frozen=True, slots=True)
class Links:
    """What a question names, and the words of it that nothing is linked to.

    `rest` are content words that are no usual words of asking for lists, `guessed` those that are
    only a slip away from one. `missing_years` are years that the collection does not have.
    """

    words: tuple[str, ...]
    links: tuple[Link, ...]
    rest: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()
    missing_years: tuple[int, ...] = ()
    language: str = "en"

    def masked(self, *, values: bool = True) -> str:
        """The question with placeholders for what it names, as the example questions have them.

        Without `values` those of tags stay as they are: they may be a topic as well.
        """
        shown = list(self.words)
        for link in self.links:
            if not values and link.field not in ("", *_PLACEHOLDERS):
                continue
            # Words for labs, years and kinds are what questions of all sorts ask with.
            if link.field or link.values[0] not in ("country", "year", "kind", "language"):
                placeholder = _PLACEHOLDERS.get(link.field, "VALUE" if link.field else "FIELD")
                end = link.end + (shown[link.end : link.end + 1] == ["s"])  # "Fiji's"
                shown[link.start : end] = [placeholder, *[""] * (end - link.start - 1)]
        return " ".join(filter(None, shown))

    @property
    def unlinked(self) -> list[str]:
        """The words that no link has."""
        linked = {i for link in self.links for i in range(link.start, link.end)}
        return [word for i, word in enumerate(self.words) if i not in linked]

    @property
    def kinds(self) -> bool:
        """Whether the question names a kind of report, or reports of any kind."""
        return any(link.field in ("type", "kind") for link in self.links)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that the question names by themselves, with no value of theirs beside."""
        alone = (k for k in self.links if not (k.field or any(map(k.is_beside, self.links))))
        return tuple(dict.fromkeys(str(link.values[0]) for link in alone))

    def filters(self, *, excluded: bool = False) -> Filters:
        """The named values, or those that are not wanted."""
        values: dict[str, dict[str | int, None]] = {}
        for link in self.links:
            if link.field and link.excluded == excluded:
                values.setdefault(link.field, {}).update(dict.fromkeys(link.values))
        if values.get("type") and values.get("kind"):
            # A report has one kind: "plans and solutions" are those of either. Plans are the whole
            # form, with the closing.
            values.pop("type")
            values["kind"].update({"plan": None, "closing": None})
        return Filters(**{field: tuple(named) for field, named in values.items()})  # type: ignore[arg-type]

    @property
    def every(self) -> tuple[str, ...]:
        """The fields of which a report must have all the named values ("both A and B")."""
        joined = [link for link in self.links if link.joined and not link.excluded]
        # "With a control group" names several facts, either of which is meant.
        several = any(k.field == "fact" and len(k.values) > 1 for k in self.links)
        fields = TAGS if several else (*TAGS, "fact")
        ways = {field: {k.joined for k in joined if k.field == field} for field in fields}
        return tuple(field for field, how in ways.items() if how == {"and"})


class Linker:
    """Links questions to one catalog; immutable, so safe to share between threads."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        # Phrase -> (field, value) -> number of reports and the words, before stemming.
        self._phrases: dict[tuple[str, ...], dict[_Meaning, tuple[int, set[str]]]] = {}
        self._words: dict[str, set[str]] = {}
        # The words of the names of each goal, of all values of each other tag, and by its key with
        # a colon of the tag itself.
        self._named_by: dict[str, set[str]] = {}
        self.titled: dict[str, set[str]] = {}  # ids of reports by the terms of their titles
        for info in catalog.reports.values():
            for term in (*terms(info.title, info.language), *terms(info.title, "en")):
                self.titled.setdefault(term, set()).add(info.id)
        for field, value, reports, name, language in self._names():
            if words := [word for word in tokens(name) if word not in light_words()]:
                phrase = tuple(stem_in(word, language) for word in words)
                meanings = self._phrases.setdefault((language, *phrase), {})
                meanings.setdefault((field, value), (reports, set()))[1].add(" ".join(words))
                for word in words:
                    self._words.setdefault(word[:1], set()).add(word)
                if field in ("", "sdg", "fact"):
                    tag = value.partition(": ")[0] if field else f"{value}:"
                    self._named_by.setdefault(tag, set()).update(words, phrase)

    def _names(self) -> Iterator[tuple[str, str, int, str, str]]:
        """Field, value, number of reports, a name and its language, for everything with a name."""
        catalog = self.catalog
        for field in FREE_FIELDS:
            for group, reports in catalog.variants(field):
                for spelling, _ in group.variants:
                    yield field, group.name, reports, spelling, "en"
        by_key: dict[str, list[tuple[str, int]]] = {}
        for fact, reports in catalog.counts("fact"):
            by_key.setdefault(fact.partition(": ")[0], []).append((fact, reports))
        for facts in by_key.values():
            for fact, reports in facts if 2 <= len(facts) <= _MOST_VALUES else ():
                if len(tokens(value := fact.partition(": ")[2])) > 1:
                    yield "fact", fact, reports, value, "en"

        @cache
        def reports_with(field: str, value: str) -> int:
            return len(catalog.ids(Filters.of({field: (value,)})))

        for field, key, language, name in listed_names():
            if field == "field":
                yield "", key, 0, name, language
            elif field == "kind":
                # "Plans" are the whole form, whose last part is the closing.
                meant = ("type", "learningplan") if key == "plan" else ("kind", key)
                yield *meant, 0, name, language
            else:
                value = canonical_sdg(f"{key}.") if field == "sdg" else key
                if reports := reports_with(field, value):
                    yield field, catalog.name(field, value), reports, name, language

    def link(self, question: str, language: str) -> Links:
        """What a question names, in its own language or in English."""
        question = VOWELS.sub("", question)
        spans = [match.span() for match in re.finditer(r"\w+", question)]
        written = [question[a:b] for a, b in spans]
        words = [self._mended(fold_name(word), language) for word in written]
        links: list[Link] = []
        taken: set[int] = set()

        def take(link: Link) -> None:
            if taken.isdisjoint(range(link.start, link.end)):
                taken.update(range(link.start, link.end))
                links.append(link)

        at = {a: i for i, (a, _) in enumerate(spans)}
        ends = {b: i + 1 for i, (_, b) in enumerate(spans)}
        for link in self._fixed(question, at, ends):
            take(link)
        goals = [(link.start, link.end, {"sdg"}) for link in links if link.field == "sdg"]
        for link in self._values(words, language, taken, goals):
            take(link)
        links += self._ordinals(written, links)
        # "Clean energy (SDG 7)" only says the name of its goal.
        named = [k for k in links if k.field == "sdg"]
        beside = [k for k in links for g in named if max(g.start - k.end, k.start - g.end) <= 1]
        links = [k for k in links if k.field != "theme" or k not in beside]
        links.sort(key=lambda k: k.start)
        breaks = [i for i, (_, b) in enumerate(spans, 1) if _BREAK.match(question, b)]
        for n, link in enumerate(links):
            own = self._named_by.get(str(link.values[0]), ()) if link.field == "sdg" else ()
            links[n] = _joined(link, links[n - 1] if n else None, words, breaks, language, own)
        taken = {i for link in links for i in range(link.start, link.end)}
        # What names the values of a tag only lists them: "types of partners, firms or cities".
        tags = [str(value) for k in links if k.field in ("", "sdg") for value in k.values]
        # "As control" only names the tag of "an entirely different group".
        tags += [
            f"{v}".partition(": ")[0] + ":" for k in links if k.field == "fact" for v in k.values
        ]
        said: set[str] = set().union(*(self._named_by.get(tag, set()) for tag in tags))
        # What stands in brackets only explains.
        aside = [match.span() for match in re.finditer(r"\([^()]*\)", question)]
        stop = light_words() | stop_words(language) | stop_words("en")
        negation = re.compile(rf"{_negates(language)}|{any_of('left_out')}")
        content = [
            word
            for i, word in enumerate(words)
            if not any(a < spans[i][0] < b for a, b in aside)
            and len(word) in _WORD
            and i not in taken
            and said.isdisjoint((word, stem_in(word, language)))
            and not NUMERALS.get(word, word).isdecimal()
            and word not in stop
            and not negation.fullmatch(word)
        ]
        # A word of the language is no slip: "faim" asks for nothing, though "fait" does.
        spoken = {
            w for w, said in zip(words, written, strict=True) if usage(said.lower(), language)
        }
        known = {w for w in content if w in spoken and not is_usual_word(w, language)}
        rest = tuple(w for w in content if w in known or not is_usual(w, language))
        usual = usual_words(*LANGUAGES)
        other = {*content}.difference(rest, usual)
        guessed = (w for w in content if w in other and not is_usual_word(w, language))
        missing = tuple(y for y in years_named(question) if y not in self.catalog.years)
        return Links(tuple(written), tuple(links), rest, tuple(guessed), missing, language)

    def _fixed(
        self, question: str, at: Mapping[int, int], ends: Mapping[int, int]
    ) -> Iterator[Link]:
        """Links of countries, regions, years and goals by number."""
        catalog = self.catalog
        codes = catalog.keys("country")
        for (a, b), same in groupby(country_spans(question), key=itemgetter(1)):
            named = [code for code, _ in same]
            known = tuple(catalog.name("country", code) for code in named if code in codes)
            if a in at and b in ends:
                yield Link(at[a], ends[b], "country", known or tuple(map(english_name, named)))
        if countries_of_regions_in(question):
            labs = region_in(question, catalog)
            places = sorted(at[a] for a, _ in region_words(question))
            for _, run in groupby(enumerate(places), key=lambda pair: pair[1] - pair[0]):
                inside = [place for _, place in run]
                yield Link(inside[0], inside[-1] + 1, "country", labs)
        years = tuple(years_in(question, catalog.years))
        for a, b in year_spans(question):
            if a in at and b in ends and years:
                yield Link(at[a], ends[b], "year", years)
        for match in _GOAL.finditer(question.casefold()):
            goal = canonical_sdg(f"{match.group(1)}.")
            if match.start() in at and match.end() in ends and "." in goal:
                name = catalog.name("sdg", goal)
                yield Link(at[match.start()], ends[match.end()], "sdg", (name,))

    def _ordinals(self, words: Sequence[str], links: Sequence[Link]) -> list[Link]:
        """Links of the years of "the first and the last plan" of a lab."""
        named = Links((), tuple(links)).filters()
        kinds = [k.start for k in links if k.field in ("type", "kind")]
        if len(named.country) != 1 or named.year:
            return []
        years = sorted({info.year for info in self.catalog.select(named) if info.year})
        return [
            Link(i, i + 1, "year", (years[place],))
            for i, word in enumerate(words)
            for place in places_in_order(fold_name(word))
            if any(abs(i - at) < _FEW for at in kinds) and -len(years) <= place < len(years)
        ]

    def _values(
        self,
        words: Sequence[str],
        language: str,
        taken: set[int],
        goals: Sequence[tuple[int, int, set[str]]],
    ) -> Iterator[Link]:
        """Links of fields, kinds and values, those of more words first.

        `goals` are the places of SDGs by number: what stands beside one is its name.
        """
        is_short = sum(not word.isdecimal() for word in words) <= _FEW
        languages = dict.fromkeys((language, "en", *(LANGUAGES if is_short else ())))
        heavy = [i for i, word in enumerate(words) if word not in light_words()]
        matches: list[tuple[int, int, dict[_Meaning, int]]] = []
        as_written = set[int]()  # places of words that name a value in just this form
        for first in range(len(heavy)):
            for last in range(first, min(first + _LONGEST, len(heavy))):
                places = heavy[first : last + 1]
                if not taken.isdisjoint(range(places[0], places[-1] + 1)):
                    break
                meanings: dict[_Meaning, int] = {}
                exact: dict[_Meaning, int] = {}
                said = [words[i] for i in places]
                own = all(usage(word, language) for word in said)
                for code in languages:
                    if own and code not in (language, "en"):
                        continue  # "experiencias" are no experiments in Spanish
                    phrase = (code, *(stem_in(word, code) for word in said))
                    same = code != "en" or language == "en"
                    for meaning, (reports, forms) in self._phrases.get(phrase, {}).items():
                        # A stem alone is not enough: "utilise" has that of "utilities".
                        if len(said) > 1 or any(_same_word(said[0], f, same) for f in forms):
                            meanings[meaning] = reports
                        # "Solutions mapping" is a method, "solutions mapped" are solutions.
                        if len(said) > 1 and _one(" ".join(said)) in map(_one, forms):
                            exact[meaning] = reports
                        as_written.update(places if said[0] in forms else ())
                if meanings:
                    matches.append((places[0], places[-1] + 1, exact or meanings))
        fields = [(a, b, {v for f, v in m if not f}) for a, b, m in matches] + list(goals)
        # The word for a field makes the name of a value no longer: "circular economy as a theme".
        of_field = {i for a, b, names in fields if names for i in range(a, b)}
        told = [i for i in heavy if i not in of_field and words[i] not in stop_words("en")]
        matches.sort(key=lambda m: (-sum(m[0] <= i < m[1] for i in told), m[0] - m[1], m[0]))
        for start, end, meanings in matches:
            gaps = ((max(start - b, a - end), names) for a, b, names in fields)
            near = {name for gap, names in gaps if 0 <= gap <= _NEAR for name in names}
            # "By year and kind" names two fields.
            joined = start > 0 and bool(re.fullmatch(any_of("and"), words[start - 1]))
            begins = [start, *(a for a, b, _ in fields if b == start - joined)]
            if any(i and re.fullmatch(any_of("per"), words[i - 1]) for i in begins):
                near.add("")
            field, values = _meaning(meanings, near)
            if (field, values) == ("", ("kind",)) and end - start == 1 and "" not in near:
                continue  # "what kind of" asks for no kind of report
            # "Growth" is a theme only beside "theme"; "n'a" is no "n/a", "common" no "commons".
            usual = end - start == 1 and is_usual(words[start], language)
            usual |= stop_words(language).issuperset(words[start:end])
            if field not in FREE_FIELDS or not usual or (field in near and start in as_written):
                yield Link(start, end, field, values)

    def _mended(self, word: str, language: str) -> str:
        """A word, or the word of a name that it is a slip away from."""
        near, bare = self._words.get(word[:1], set()), ARABIC.sub("", word)
        known = word in near or bare in self._words.get(bare[:1], ()) or in_dictionary(word)
        if language == "ar":  # which no other dictionary has
            usual = usual_words("ar").keys()
            known = known or not usual.isdisjoint((word, bare)) or usage(bare, "ar") > 0
        if known or len(word) < 6 or not word.isalpha():
            return word
        options = [other for other in near if is_slip(word, other)]
        return min(options) if len(options) == 1 else word


def _joined(
    link: Link,
    previous: Link | None,
    words: Sequence[str],
    breaks: Iterable[int],
    language: str,
    own: Collection[str],
) -> Link:
    """The link with how it follows the one before it; a mark stands before words at `breaks`.

    `own` are the words of its names, which may stand before it: "not on poverty (SDG 1)".
    """
    begin = previous.end if previous else max(0, link.start - 4)
    between = " ".join(words[begin : link.start])
    # "No, I meant Togo" wants Togo.
    near = max((i for i in breaks if begin < i <= link.start), default=begin)
    negated = re.match(rf".*\b{_negates(language)}\b", " ".join(words[near : link.start]))
    if link.field == "country" and re.match(rf"{any_of('negates', language)}\b", between):
        # "Didn't Togo use it?" asks whether it did.
        negated = negated if previous or begin else None
    # "Not the climate of Peru" leaves Peru in.
    told = negated.string[negated.end() :].split() if negated else ()
    stop = light_words() | stop_words(language) | stop_words("en")
    asks_nothing = (
        w in stop
        or w in own
        or is_usual(w, language)
        or is_usual_word(w, language, "list")
        or is_among(w, "of_lists", language)
        for w in told
    )
    excluded = bool(negated) and all(asks_nothing)
    # "Togo and Benin excluded" leaves both out, "excluded from school" nothing.
    behind = rf"(?:{any_of('and')} \w+ )?{any_of('left_out')}(?!\w)"
    if after := re.match(behind, " ".join(words[link.end :])):
        end = link.end + len(after.group().split())
        excluded = excluded or end in {*breaks, len(words)}
    joined = ""
    # "Prospective (foresight)" names one thing.
    if previous and previous.field == link.field and previous.values != link.values:
        if language == "ar" and words[link.start].startswith("و"):
            between = f"{between} و"  # which is written as one with the word
        joins = rf"\b(?:(?P<and>{any_of('and')}|^{any_of('with')}$)|(?P<or>{any_of('or')}))\b"
        way = re.search(joins, between)
        joined = way.lastgroup or "" if way else "or" if not between else ""
        # "No plans or experiments" excludes both, "reported no experiment" that.
        goes_on = (joined or not previous.values) and len(between.split()) <= 1
        excluded = excluded or (previous.excluded and bool(goes_on))
    return replace(link, excluded=excluded, joined=joined)


def _negates(language: str) -> str:
    """A regular expression for what takes the next thing out."""
    return rf"(?:{any_of('excludes')}|{any_of('leaves_out')}|{any_of('negates', language)})"


def _meaning(
    meanings: Mapping[_Meaning, int], near: Collection[str]
) -> tuple[str, tuple[str, ...]]:
    """The field and values that a phrase means.

    Kinds come first, then facts that more reports have than a value, then fields (before facts if
    `near`: "by control group"), then values of a field that is named beside it, then the most used.
    """
    most = max(meanings, key=lambda m: meanings[m])[0]
    order = {"type": 5, "kind": 5, "fact": 1 if most in FREE_FIELDS else 4, "": 3}
    order |= dict.fromkeys(near, 2) | ({"": 5} if "" in near else {})
    chosen = max(meanings, key=lambda m: (order.get(m[0], 1), meanings[m], m))[0]
    values = [value for field, value in meanings if field == chosen]
    if chosen in FREE_FIELDS or chosen == "":
        values = [max(values, key=lambda value: (meanings[chosen, value], value))]
    if chosen == "kind" and values == ["report"]:
        return "kind", ()
    return chosen, tuple(sorted(values))


def _one(text: str) -> str:
    """Words as they are written of one thing or of several: "lab" for "labs"."""
    return " ".join(word.removesuffix("s") for word in text.split())


def _same_word(word: str, other: str, same_language: bool) -> bool:
    """Whether two words with one stem are one word, but for an article and two last letters."""
    word, other = (ARABIC.sub("", w).removesuffix("ا") for w in (word, other))
    least = max(4, len(word) - 2, len(other) - 2)
    return _one(word) == _one(other) or (same_language and word[:least] == other[:least])
