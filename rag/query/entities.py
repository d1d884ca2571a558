"""The countries, regions and years in a text."""

import re
from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from operator import ge, gt, le, lt

from rag.catalog.catalog import Catalog
from rag.catalog.normalize import filter_key
from rag.catalog.tag_fields import FILTER_FIELDS, Filters
from rag.places.countries import (
    adjective_to_iso,
    countries_of_regions_in,
    fold_name,
    is_abbreviation,
    longest_runs,
    names_to_countries,
)
from rag.query.wordings import any_of, has_wording
from rag.text.tokenize import NUMERALS, content_words, stemmer, strip_accents
from rag.types import Span

_MOST_WORDS = 6  # of a country's name
_YEAR = r"(?<!\d)(20[12]\d)(?!\d)"
_NUMBER = r"(\w+)"
# "Since 2021" and the like, each with how a year compares with the one that is named.
_OPEN_RANGES = {
    "since_year": ge, "to_now": ge, "after_year": gt, "before_year": lt, "until_year": le,
}  # fmt: skip


def named_in(text: str, catalog: Catalog) -> Filters:
    """The countries and years that a text names."""
    return Filters(country=labs_in(text, catalog), year=tuple(years_in(text, catalog.years)))


def labs_in(text: str, catalog: Catalog) -> tuple[str, ...]:
    """The countries of the collection that a text names."""
    known = catalog.keys("country")
    return tuple(catalog.name("country", code) for code in countries_in(text) if code in known)


def region_in(text: str, catalog: Catalog) -> tuple[str, ...]:
    """The labs of the collection in the regions that a text names."""
    codes = countries_of_regions_in(text)
    known = sorted(str(key) for key in catalog.keys("country"))
    return tuple(catalog.name("country", code) for code in known if code in codes)


def years_in(text: str, known: Collection[int]) -> list[int]:
    """Of the years known those that a text names, one by one or as a range.

    "Since" and "until" take the year itself in, "after" and "before" do not; "before and after"
    names all, and so does a year that others are compared with. A range from which the collection
    has no year names none. "The year before" another one is named, too; "the last two years" are
    those of the collection.
    """
    folded = strip_accents(text).replace("'", " ")
    ranges = re.finditer(any_of("years").replace("YEAR", _YEAR), folded)
    spans = [sorted(int(year) for year in match.groups() if year) for match in ranges]
    named = {year for first, last in spans for year in range(first, last + 1)}
    if not spans and around_year(text):
        return sorted(known)
    if not spans:
        for name, compares in _OPEN_RANGES.items():
            for match in re.finditer(any_of(name).replace("YEAR", _YEAR), folded):
                limit = int(next(group for group in match.groups() if group))
                named |= {year for year in known if compares(year, limit)}
    if last := next((count for count, _ in last_years_in(text)), 0):
        named |= {*sorted(known)[-last:]}
    if spans or not named:
        # "In 2021 and from 2023 to 2024".
        named |= {int(year) for year in re.findall(_YEAR, folded)}
    if before := re.search(any_of("year_before").replace("YEAR", _YEAR), folded):
        named.add(int(next(filter(None, before.groups()))) - 1)
    return sorted(named & set(known))


def last_years_in(text: str) -> list[tuple[int, Span]]:
    """How many of the last years a text names ("the last two years"), and where it does."""
    counts = any_of("last_years").replace("NUMBER", _NUMBER)
    found = []
    for match in re.finditer(counts, strip_accents(text)):
        said = next(filter(None, match.groups()))
        number = NUMERALS.get(said, said)
        if number.isdecimal() and int(number):
            found.append((int(number), match.span()))
    return found


def year_spans(text: str) -> list[Span]:
    """Where a text names years: ranges whole, all others one by one."""
    folded = strip_accents(text)
    ranges = "|".join(map(any_of, ("years", "to_now"))).replace("YEAR", _YEAR)
    found = [m.span() for m in re.finditer(ranges, folded)]
    found += [span for _, span in last_years_in(text)]
    single = (m.span() for m in re.finditer(r"\bو?(?:19|20)\d\d\b", folded))
    return found + [(a, b) for a, b in single if not any(c <= a < d for c, d in found)]


def around_year(text: str) -> bool:
    """Whether a text names both sides of its only year, or that one as what others are beside."""
    folded = strip_accents(text).replace("'", " ")
    is_around = re.search(any_of("around_year").replace("YEAR", _YEAR), folded)
    return bool(is_around) and len(set(re.findall(_YEAR, folded))) == 1


def countries_in(text: str) -> list[str]:
    """Alpha-2 codes of the countries that a text names, in order.

    Names count in five languages, the longest first ("Guinea-Bissau" before "Guinea");
    adjectives ("South African", "colombianos") by their ending. A word in lower case is no
    name of a country where the text uses capitals ("turkey", "chad").
    """
    return list(dict.fromkeys(code for code, _ in country_spans(text)))


def places_in(text: str) -> list[str]:
    """Alpha-2 codes of the countries that a text names, but not by an adjective of people."""
    countries = ((code, fold_name(text[start:end])) for code, (start, end) in country_spans(text))
    return list(dict.fromkeys(code for code, name in countries if adjective_to_iso(name) is None))


def without_countries(text: str) -> str:
    """A text without the words that name countries."""
    bare = _without_others(text)
    for start, end in reversed(dict.fromkeys(span for _, span in country_spans(text))):
        bare = f"{bare[:start]} {bare[end:]}"
    return " ".join(bare.split())


def _without_others(text: str) -> str:
    # Blanked, so that characters keep their places.
    others = re.compile(any_of("no_countries"), re.IGNORECASE)
    return re.sub(r"['’]s\b", "  ", others.sub(lambda m: " " * len(m.group()), text))


@lru_cache(256)  # a plan looks at its question several times
def country_spans(text: str) -> tuple[tuple[str, Span], ...]:
    """The countries that a text names, in order: their codes, and where their names stand.

    A name that two countries have stands for both.
    """
    text = _without_others(text)
    # An Arabic vowel sign belongs to its word: with one "financially" is not the name of Mali.
    matches = list(re.finditer(r"[\w\u064b-\u065f\u0670]+", text))
    folded = [fold_name(match.group()) for match in matches]
    # "ODS nos planos de moçambique" uses none: acronyms always have them.
    words = re.findall(r"\w+", text)
    acronyms = {w for w in words if len(w) > 1 and w.removesuffix("s").isupper()}
    capitals = any(w != w.lower() and w not in acronyms for w in words)
    countries: list[tuple[str, Span]] = []
    done = 0  # words before this one are part of a name
    for i, last in longest_runs(len(matches), _MOST_WORDS):
        start, end = matches[i].start(), matches[last - 1].end()
        if i >= done and (codes := _countries(" ".join(folded[i:last]), text[start:end], capitals)):
            countries += [(code, (start, end)) for code in codes.split()]
            done = last
    return tuple(countries)


def years_named(text: str) -> tuple[int, ...]:
    """The years that a text is about ("in 2019"), whether or not there are reports of them."""
    pattern = rf"\b{any_of('in_year')}\W{{1,2}}((?:19[89]|20[0-4])\d)\b"
    return tuple(int(year) for year in re.findall(pattern, strip_accents(text)))


def places_in_order(word: str) -> list[int]:
    """Which of several things in order a word names: 0 for "first", -1 for "last"."""
    places = {"first": 0, "second": 1, "third": 2, "last": -1}
    return [place for name, place in places.items() if has_wording(name, word)]


def _countries(phrase: str, written: str, capitals: bool) -> str:
    """The codes of the countries that a phrase may name; "" for none."""
    names = names_to_countries()
    if codes := names.get(phrase, ""):
        capital = written if is_abbreviation(phrase) else written[0] if capitals else ""
        inside = capitals and not is_abbreviation(phrase) and written != written.lower()
        return codes if inside or capital == capital.upper() else ""  # "eastern Congo"
    # The article and prepositions are written as one with an Arabic name.
    if re.match(r"[\u0600-\u06ff]", phrase):
        prefixes = ("ال", "وال", "بال", "لل", "ب", "ل", "و", "في", "")
        bare = (phrase.removeprefix(prefix) for prefix in prefixes if phrase.startswith(prefix))
        forms = (form for name in bare if len(name) > 2 for form in (name, f"ال{name}"))
        return next(
            (names[form] for form in forms if form in names), adjective_to_iso(phrase) or ""
        )
    code = adjective_to_iso(phrase) or ""
    return names.get(code, code) or names.get(phrase.removesuffix("s"), "")  # "kenyas lab"


def is_named(name: str, text: str) -> bool:
    """Whether a text has the words of a name, in their order and in any inflection.

    British and American spelling are alike. A stem alone is not enough: "informality" has that of
    "information".
    """
    wanted, had = _american_words(name), _american_words(text)
    runs = zip(*(had[i:] for i in range(len(wanted))), strict=False)
    return any(all(map(_is_inflected, wanted, run)) for run in runs)


def _american_words(text: str) -> list[str]:
    return content_words(re.sub(r"(?<=\w{2})our", "or", strip_accents(text)), "en")


def _is_inflected(word: str, other: str) -> bool:
    """Whether two words are one, but for "-ing" and two last letters."""
    # "Testing" and "tests", "city" and "cities".
    a, b = (form.removesuffix("ing").replace("y", "i") for form in (word, other))
    least = max(3, len(a) - 2, len(b) - 2)
    stem = stemmer("en").stemWord
    return a[:least] == b[:least] and stem(word) == stem(other)


def without(named: Filters, ignored: Filters, catalog: Catalog) -> Filters:
    """The values of `named` that are not ignored, whatever their spelling.

    An empty value ("", or the year 0) ignores all values of its field.
    """

    def rest(field: str) -> tuple[str | int, ...]:
        unwanted = getattr(ignored, field)
        if not all(unwanted):
            return ()
        keys = {_key(catalog, field, value) for value in unwanted}
        return tuple(v for v in getattr(named, field) if _key(catalog, field, v) not in keys)

    changed = {field: rest(field) for field in FILTER_FIELDS if getattr(ignored, field)}
    return replace(named, **changed)  # type: ignore[arg-type]


def _key(catalog: Catalog, field: str, value: str | int) -> str | int:
    return filter_key(field, catalog.name(field, value))
