"""Charts: marks stand where the numbers say, numbers are in words too, and no text is markup."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from eval.figures import Histogram
from eval.report.charts import (
    WIDTH,
    Bar,
    Dot,
    bar_chart,
    dot_chart,
    histogram_chart,
)

ENDS = ("0%", "50%", "100%")
HOSTILE = "<script>alert(1)</script>\" onload='x'"


def tags(svg: str, name: str) -> list[ET.Element]:
    return [element for element in ET.fromstring(svg).iter() if element.tag == name]


def test_dots_stand_at_their_share_with_their_interval() -> None:
    svg = dot_chart("Found", [Dot("One", 0.5, 0.25, 1.0, "50% · n 8", "25–100%")], ENDS)
    (dot,) = tags(svg, "circle")
    assert float(dot.get("cx", 0)) == WIDTH / 2
    _, interval = tags(svg, "line")
    ends = [float(interval.get(x, 0)) for x in ("x1", "x2")]
    assert ends == [6 + 0.25 * (WIDTH - 12), WIDTH - 6]
    assert ET.fromstring(svg).get("aria-label") == "Found: One 50% · n 8, 25–100%"
    # Shares out of range stay in the chart.
    svg = dot_chart("x", [Dot("One", 1.7, -3.0, 9.0, "?")], ENDS)
    for value in re.findall(r'(?:x1|x2|cx)="([-\d.]+)"', svg):
        assert 0 <= float(value) <= WIDTH


def test_series_differ_in_shape_and_words_not_in_colour_alone() -> None:
    rows = [
        Dot(name, 0.5, 0.4, 0.6, "50%", "", shape) for shape, name in enumerate(("a", "b", "c"))
    ]
    svg = dot_chart("Beside", rows, ENDS)
    assert [len(tags(svg, name)) for name in ("circle", "rect", "path")] == [1, 1, 1]
    assert {"a", "b", "c"} <= {e.text for e in tags(svg, "text")}


def test_bars_are_as_long_as_their_counts() -> None:
    svg = bar_chart("Causes", [Bar("A", 10, "10"), Bar("B", 5, "5"), Bar("C", 0, "0")])
    widths = [float(e.get("width", 0)) for e in tags(svg, "rect")]
    assert widths == [WIDTH - 12, (WIDTH - 12) / 2, 2.0]
    assert ET.fromstring(svg).get("aria-label") == "Causes: A: 10; B: 5; C: 0"


def test_the_histogram_tells_every_bar() -> None:
    svg = histogram_chart("Time", Histogram(50, (4, 0, 2)), lambda ms: f"{ms} ms")
    tall = [float(e.get("height", 0)) for e in tags(svg, "rect")]
    assert tall == [96, 0, 48]
    assert "0 ms–50 ms: 4; 50 ms–100 ms: 0; 100 ms+: 2" in (
        ET.fromstring(svg).get("aria-label") or ""
    )
    assert histogram_chart("Time", Histogram(50, ()), str)


def test_labels_are_escaped_and_never_run_into_their_value() -> None:
    svg = dot_chart(HOSTILE, [Dot(HOSTILE * 3, 0.5, 0.4, 0.6, HOSTILE)], ENDS)
    assert "<script" not in svg
    assert set(ET.fromstring(svg).keys()) >= {"role", "aria-label"}
    assert all("onload" not in e.keys() for e in ET.fromstring(svg).iter())  # noqa: SIM118
    long = bar_chart("x", [Bar("word " * 30, 1, "12")])
    assert len(tags(long, "text")[0].text or "") <= 47
