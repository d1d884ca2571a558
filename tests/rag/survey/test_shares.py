"""What is said of how many reports speak of a topic, by year and by side."""

import pytest
from passages import report

from rag.catalog.tag_fields import Filters
from rag.i18n.translations import ENGLISH
from rag.survey.evidence import of_sides, over_the_years
from rag.survey.types import Survey, SurveyRow


def survey(*rows: tuple[int, str, int, int]) -> Survey:
    """A survey with so many reports of a year and a kind, of which so many speak of the topic."""
    made = []
    for year, kind, size, speaking in rows:
        for n in range(size):
            info = report(f"{year}{kind}{n}", "Fiji", "FJ", year=year, kind=kind, type=kind)
            made.append(SurveyRow(info, "about" if n < speaking else "silent", 0.5, 0.5))
    return Survey("q", "ice", "en", Filters(), tuple(made), (1, 9))


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ((2023, "plan", 40, 12), "clearly grows."),
        ((2023, "plan", 40, 3), "neither clearly grows nor falls."),
        # What innovators wrote in one year does not make it grow, nor does a year of one report.
        ((2023, "solution", 400, 200), "neither clearly grows nor falls."),
        ((2023, "plan", 1, 1), "neither clearly grows nor falls."),
    ],
)
def test_shares_grow_only_where_those_of_labs_do(
    last: tuple[int, str, int, int], told: str
) -> None:
    made = over_the_years(survey((2021, "plan", 40, 2), (2022, "plan", 40, 2), last), ENGLISH)
    assert made.startswith(
        "Share of each year's reports by labs that speak of it: 2021 (5%); 2022 (5%)"
    )
    assert made.endswith(told)
    assert over_the_years(survey(last), ENGLISH) == ""


def test_a_side_has_more_only_where_both_have_enough_reports() -> None:
    made = survey((2021, "plan", 40, 2), (2022, "plan", 40, 20), (2023, "plan", 1, 1))
    years = ("2021", "2022", "2023", "2024")
    sides = {y: {row.report.id for row in made.rows if str(row.report.year) == y} for y in years}
    more, cells = of_sides({year: sides[year] for year in years[:2]}, made, ENGLISH)
    assert more == "“ice”: a clearly larger share of the reports of 2022 speaks of it."
    one, other = "about 2 of 40 reports (5%): plan: 2", "about 20 of 40 reports (50%): plan: 20"
    assert cells == [one, other]
    more, cells = of_sides(sides, made, ENGLISH)
    assert (more, cells[-1]) == ("", "about 0 of 0 reports (0%)")
