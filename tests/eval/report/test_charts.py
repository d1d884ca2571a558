"""Charts: marks stand where the numbers say, the numbers are in words too, no text is markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from eval.figures import Histogram
from eval.report.charts import WIDTH, Bar, Dot, bar_chart, dot_chart, histogram_chart

ENDS = ("0%", "50%", "100%")
HOSTILE = "<script>alert(1)</script>\" onload='x'"


def numbers(svg: str, tag: str, *attributes: str) -> list[list[float]]:
    elements = [element for element in ET.fromstring(svg).iter() if element.tag == tag]
    return [[float(element.get(name, "nan")) for name in attributes] for element in elements]


def test_dots_stand_at_their_share_in_the_shape_of_their_series() -> None:
    rows = [
        Dot("One", 0.5, 0.25, 1.0, "50% · n 8", "25–100%"),
        Dot("Two", 1.7, -3.0, 9.0, "?", shape=1),
    ]
    svg = dot_chart("Found", rows, ENDS)
    assert numbers(svg, "circle", "cx") == [[WIDTH / 2]]
    # What is out of range stays in the chart.
    assert numbers(svg, "rect", "x") == [[WIDTH - 6 - 4]]
    whole = [6, WIDTH - 6]
    assert numbers(svg, "line", "x1", "x2") == [
        *(whole, [6 + 0.25 * (WIDTH - 12), WIDTH - 6]),
        *(whole, whole),
    ]
    assert ET.fromstring(svg).get("aria-label") == "Found: One 50% · n 8, 25–100%; Two ?"


def test_bars_are_as_long_as_their_counts() -> None:
    svg = bar_chart("Causes", [Bar("A", 10, "10"), Bar("B", 5, "5"), Bar("C", 0, "0")])
    assert numbers(svg, "rect", "width") == [[WIDTH - 12], [(WIDTH - 12) / 2], [2]]
    assert ET.fromstring(svg).get("aria-label") == "Causes: A: 10; B: 5; C: 0"
    svg = histogram_chart("Time", Histogram(50, (4, 0, 2)), lambda ms: f"{ms} ms")
    assert numbers(svg, "rect", "height") == [[96], [0], [48]]
    assert "0 ms–50 ms: 4; 50 ms–100 ms: 0; 100 ms+: 2" in svg


def test_labels_are_escaped_and_never_run_into_their_value() -> None:
    svg = dot_chart(HOSTILE, [Dot(HOSTILE * 3, 0.5, 0.4, 0.6, HOSTILE)], ENDS)
    assert "<script" not in svg
    assert all("onload" not in list(element.keys()) for element in ET.fromstring(svg).iter())
    long = ET.fromstring(bar_chart("x", [Bar("word " * 30, 1, "12")]))
    assert len(next(long.iter("text")).text or "") <= 47
