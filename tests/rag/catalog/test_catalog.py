"""Selections, counts and names of tags, whatever their spelling; facets, regions, years, topics."""

from pathlib import Path

import numpy as np
import pytest
from passages import report

from rag.catalog.catalog import Catalog, Region, Value, facet, region_facet, year_ranges
from rag.catalog.normalize import Group
from rag.catalog.tag_fields import FILTER_FIELDS, Filters
from rag.index import topics
from rag.index.local import Snapshot, current_version

REPORTS = (
    report("a", year=2022, methods=("In-depth interviews",), sdgs=("5. Gender equality",)),
    report("b", "Peru", "PE", year=2023, methods=("in depth Interviews", "Pilots"), kind="closing"),
    report("c", "Turkey", "TR", year=2023, sdgs=("SDG 5",), methods=("in-depth interviews",)),
    report("d", "Türkiye", "TR", year=None, methods=("In-depth interviews",)),
    report("e", "Somewhere", iso="", year=2021),
)
CATALOG = Catalog(REPORTS)
SPELT = Catalog(
    (
        report("a", methods=("tide surveys",), thematic_areas=("harbour engagement", "nets")),
        report("b", methods=("Tide survey", "tide surveys"), thematic_areas=("harbor engagment",)),
        report("c", methods=("tide surveys",), thematic_areas=("Nets",), datasources=("logs",)),
    )
)


def ids(**filters: tuple[str | int, ...]) -> str:
    return "".join(sorted(CATALOG.ids(Filters(**filters))))  # type: ignore[arg-type]


def test_a_value_is_found_in_any_spelling_and_an_unknown_one_selects_nothing() -> None:
    for field, found, *names in (
        ("country", "cd", "Turkey", "Türkiye", "turquie", "tr", "تركيا"),
        ("method", "abcd", "IN-DEPTH INTERVIEWS", "indepth interviews"),
        ("sdg", "ac", "5", "ods 5", "5. Gender equality", "Gender equality"),
    ):
        assert {ids(**{field: (name,)}) for name in names} == {found}
    assert ids(country=("Atlantis",)) == ids(year=(1999,)) == ids(method=("",)) == ""
    # Any value of a field and all fields must match.
    assert ids(country=("Peru", "Turkey"), year=(2023,)) == "bc"
    assert ids(country=("Peru",), method=("pilots",)) == "b"
    assert [r.id for r in CATALOG.select(Filters())] == ["a", "b", "e", "c", "d"]
    # A filter takes several values.
    assert Filters(country=["Peru"]) == Filters(country=("Peru",))  # type: ignore[arg-type]
    for wrong in ({"country": "Peru"}, {"year": 2023}):
        with pytest.raises(TypeError, match=r"Filters\((country=\('Peru',|year=\(2023,)\)"):
            Filters.of(wrong)  # type: ignore[arg-type]


def test_labs_are_countries_where_a_lab_wrote_one_of_the_reports_itself() -> None:
    collected = report("s", "Ghana", "GH", kind="solution"), report("t", kind="solution")
    catalog = Catalog([*REPORTS, *collected])
    assert catalog.labs() == ("Peru", "Türkiye", "Somewhere")
    assert catalog.labs(collected) == ()
    assert catalog.labs([*collected, REPORTS[0]]) == catalog.labs([REPORTS[0]]) != ()


def test_counts_merge_spellings_under_the_most_common_one() -> None:
    assert CATALOG.counts("method") == [("In-depth interviews", 4), ("Pilots", 1)]
    in_peru = CATALOG.counts("method", Filters(country=("Peru",)))
    assert in_peru == [("In-depth interviews", 2), ("Pilots", 1)]
    assert CATALOG.name("method", "in depth interviews") == "In-depth interviews"
    assert [CATALOG.name("country", name) for name in ("PE", "Atlantis")] == ["Peru", "Atlantis"]
    # A report with two spellings of a value counts once.
    assert SPELT.counts("method") == [("tide surveys", 3)]
    assert SPELT.counts("theme") == [("harbour engagement", 2), ("Nets", 2)]
    # Variants come with their numbers, merged ones first.
    spellings = (("tide surveys", 3), ("Tide survey", 1))
    assert SPELT.variants("method") == [(Group("tide surveys", spellings), 3)]
    tagged = (report(tag, methods=(tag,)) for tag in ("anchors", "Tides", "tides"))
    values = Catalog(tagged).variants("method")
    assert [(value.name, reports) for value, reports in values] == [("Tides", 2), ("anchors", 1)]


def test_a_language_is_that_of_passages() -> None:
    languages = {"a": {"es", "en"}, "b": {"en"}}
    catalog = Catalog([report("a"), report("b"), report("c")], languages=languages)
    assert catalog.counts("language") == [("en", 2), ("es", 1)]
    assert catalog.ids(Filters(language=("ES",))) == {"a"}
    # Without passages a report's own language is all that is known.
    assert Catalog([report("a", language="es")]).counts("language") == [("es", 1)]


FACETED = Catalog(
    (
        report("a", "Peru", "PE", year=2021, methods=("Pilots",), sdgs=("2. Zero hunger",)),
        report("b", "Peru", "PE", year=2022, methods=("pilots", "Surveys"), language="es"),
        report("c", "Colombia", "CO", year=2022, sdgs=("13. Climate action", "2. Zero hunger")),
        report("d", "Togo", "TG", year=2024, methods=("Surveys",), language="fr"),
        report("e", "Togo", "TG", year=None, methods=("Surveys", "Pilots")),
        report("f", "Kenya", "KE", year=2024, thematic_areas=("Élan",)),
    )
)


def test_counts_are_those_of_the_other_facets() -> None:
    def faceted(field: str, chosen: Filters = Filters()) -> list[tuple[str, int]]:
        return [(value.name, value.reports) for value in facet(FACETED, chosen, field)]

    assert faceted("sdg") == [("2. Zero hunger", 2), ("13. Climate action", 1)]
    # Its own choice changes nothing of a facet: any of its values may match.
    for chosen in (Filters(), Filters(country=("Peru",))):
        found = [("Peru", 2), ("Togo", 2), ("Colombia", 1), ("Kenya", 1)]
        assert faceted("country", chosen) == found
    # What is chosen stays though nothing is left of it.
    chosen = Filters(country=("Kenya",), year=(2021,))
    assert facet(FACETED, chosen, "country") == [Value("Peru", 1), Value("Kenya", 0, True)]
    assert facet(FACETED, chosen, "year") == [Value("2021", 0, True), Value("2024", 1)]


@pytest.mark.parametrize("field", FILTER_FIELDS)
def test_every_count_is_what_choosing_it_leaves(field: str) -> None:
    for chosen in (Filters(), Filters(method=("Surveys",), year=(2024,))):
        for value in facet(FACETED, chosen, field):
            name = int(value.name) if field == "year" else value.name
            alone = Filters(**{field: (name,)}).merged(chosen)  # type: ignore[arg-type]
            assert len(FACETED.select(alone)) == value.reports


def test_regions_and_runs_of_years_stand_for_what_the_collection_has() -> None:
    regions = region_facet(FACETED, Filters(country=("Peru", "Togo"), year=(2022, 2024)))
    assert regions == [
        Region("002", ("Kenya", "Togo"), 2, chosen=1),
        Region("014", ("Kenya",), 1, part=True),
        Region("011", ("Togo",), 1, chosen=1, part=True),
        # All its labs are in South America: that part would only say it again.
        Region("419", ("Colombia", "Peru"), 2, chosen=1),
    ]
    # Years are chosen in runs. The collection has no 2023: what lies beside it is one run.
    assert year_ranges(FACETED, (2024, 2022)) == [(2022, 2024)]
    assert year_ranges(FACETED, (2021, 2024)) == [(2021, 2021), (2024, 2024)]
    assert year_ranges(FACETED, (1990, 2021)) == [(1990, 1990), (2021, 2021)]


def opened(index: Path, folder: Path) -> Snapshot:
    snapshot = Snapshot(index, current_version(index))
    snapshot.folder = folder  # where topics are kept
    return snapshot


def test_each_report_has_a_topic_which_filters_and_stays(
    sample_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(sample_index, tmp_path).topics == ()  # too few reports
    monkeypatch.setattr(topics, "FEWEST", 2)
    index = opened(sample_index, tmp_path)
    found = index.topics
    assert sorted(i for topic in found for i in topic.reports) == list(index.heads)
    assert len({topic.name for topic in found}) == len(found) > 1
    for topic in found:
        assert index.catalog.ids(Filters(topic=(topic.name.upper(),))) == set(topic.reports)
        assert index.passages[topic.passage].report.id in topic.reports
    assert dict(index.catalog.counts("topic")) == {t.name: len(t.reports) for t in found}
    file = tmp_path / "topics.npz"
    kept = np.load(file)
    np.savez(file, names=[f"my {name}" for name in kept["names"]], centres=kept["centres"])
    named = [topic.name for topic in opened(sample_index, tmp_path).topics]
    assert named == [f"my {topic.name}" for topic in found]
    file.write_bytes(b"damaged")
    assert opened(sample_index, tmp_path).topics == found
