"""Digests without a model: what each form tells, in which order, and what it leaves blank."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any
from unittest.mock import Mock

import pytest
from passages import passage, report

from rag.answer.chosen import ReportChooser
from rag.answer.lines import Line, Role, part_of, role_and_weight, role_wanted
from rag.answer.writing import HEADINGS, DigestWriter
from rag.catalog.tag_fields import Filters
from rag.engine import Engine
from rag.i18n.labels import title_of
from rag.text.citation_marks import cited_sentences, keep_known, marks
from rag.types import Answer, Hit, Plan, Stage

pytestmark = pytest.mark.quality
Ask = Callable[[str], Answer]
ONLY = Filters(country=("Namibia",))  # one report
MONEY = "What did the labs learn about mobile money?"
LESOTHO = "What is Lesotho working on?"
PUMPS = "Summarise the report on solar pumps"
HUSBANDS = "What have labs found about husbands who hold the phone or the card?"
ALERTS = "¿Qué se ha aprendido sobre las alertas de desastres?"


def headings(answer: Answer) -> list[str]:
    return [line[4:] for line in answer.text.splitlines() if line.startswith("### ")]


def test_a_form_question_has_the_role_of_those_like_it() -> None:
    for prompt, stage, role in (
        ("What is your hypothesis? IF... THEN...", "intention", "aim"),
        ("What hindered you, and which bottlenecks were there?", "finding", "barriers"),
        ("¿Qué aprendieron que no sabían antes?", "finding", "found"),
        ("Who has supported you, and how?", "partner", "partners"),
        ("Looking back, what would you do otherwise?", "finding", "advice"),
        ("Combien de temps a duré l'activité ?", "finding", "extent"),
        ("Please upload pictures", "admin", "other"),
    ):
        asked = passage("Sand.", report("a"), section="Form", prompt=prompt, stage=stage)
        assert role_and_weight(asked)[0] == role, prompt
    of_one = Plan("What got in the way?", "What got in the way?", alone=True)
    assert role_wanted(of_one) == "barriers"
    assert role_wanted(replace(of_one, question="How tall?", standalone="How tall?")) is None
    # What is like a form question need not be like questions to reports; a topic is none of both.
    assert role_wanted(replace(of_one, off_topic=0.5)) == "barriers"
    assert role_wanted(replace(of_one, subject="sand")) is None


def test_a_digest_has_its_parts_and_quotes_in_order(ask: Ask, quick_engine: Engine) -> None:
    found = {HEADINGS["found"]}
    for question, intent, parts in (
        (PUMPS, "report", found | {HEADINGS["challenge"], HEADINGS["approach"]}),
        (LESOTHO, "lab", found),
        (MONEY, "topic", found),
    ):
        answer = ask(question)
        assert answer.coverage.intent == intent
        assert parts <= {*headings(answer)}
        numbers = list(dict.fromkeys(marks(answer.text)))
        assert numbers == list(range(1, len(numbers) + 1))
        assert {citation.n for citation in answer.citations} == {*numbers}
        assert all(c.span and c.status == "supported" for c in answer.citations)
    # All that are quoted of a topic are among those that are counted.
    answer = ask(MONEY)
    labs = {c.passage.report.lab for c in answer.citations if c.passage.report.author == "lab"}
    counted = re.match(r"About \d+ reports of (\d+) labs speak of", answer.text)
    assert counted
    assert int(counted[1]) >= len(labs)
    # What a report does not tell is said, and none that says nothing of a topic is summed up.
    last = ask(PUMPS).text.splitlines()[-1]
    assert last.startswith("The report's form has no answer on: ")
    assert quick_engine.ask("Summarise the report on nuclear power stations").answer.refused


def test_how_a_topic_went_on_is_told_by_each_year(quick_engine: Engine, monkeypatch: Any) -> None:
    monkeypatch.setattr("rag.survey.evidence.LEAST_OF_YEAR", 5)
    question = "How did the work of labs on mobile money change over the years?"
    answer = quick_engine.ask(question).answer
    assert answer.coverage.intent == "trend"
    assert "speak of “mobile money”" in answer.text
    known = quick_engine.catalog.reports
    counts = [re.fullmatch(r"(\d{4}) \((\d+) of (\d+) reports?\)", h) for h in headings(answer)]
    years = {int(c[1]): (int(c[2]), int(c[3])) for c in counts if c}
    assert len(years) == len(headings(answer)) > 1
    for year, (speaking, all_of) in years.items():
        assert 0 < speaking <= sum(known[i].year == year for i in answer.coverage.reports)
        own = [info for info in known.values() if info.author == "lab"]
        assert all_of == sum(info.year == year for info in own)
    # The share of each year of enough reports is told.
    answer = quick_engine.ask("Waste before and after 2022, how did the work change?").answer
    made = quick_engine.survey("waste").survey
    sizes = Counter(row.report.year for row in made.rows if row.report.author == "lab")
    found = Counter(row.report.year for row in made.found if row.report.author == "lab")
    shares = [f"{y} ({found[y] / n:.0%})" for y, n in sorted(sizes.items()) if y and n >= 5]
    assert len(shares) > 1
    told = f"Share of each year's reports by labs that speak of it: {'; '.join(shares)}."
    assert f"{told} Of the labs' own reports the share" in answer.text


def test_years_stand_in_order_and_none_beside_those_asked_for(quick_engine: Engine) -> None:
    for question in (
        "How did the work of labs on mobile money change between 2022 and 2023?",
        "How has mobile money work in Lesotho changed over the years?",
    ):
        answer = quick_engine.ask(question).answer
        told = [citation.passage.report for citation in answer.citations]
        assert [heading[:4] for heading in headings(answer)] == ["2022", "2023"]
        assert {report.year for report in told} == {2022, 2023}
        assert "Lesotho" not in question or {report.lab for report in told} == {"Lesotho"}
    # Nor where no report of those speaks of the topic.
    question = "How did the work of labs on traders change between 2021 and 2022?"
    answer = quick_engine.ask(question).answer
    assert not {heading[:4] for heading in headings(answer)} & {"2023", "2024", "2025"}


def test_a_lab_is_told_by_what_it_says_of_each_topic_and_not_by_its_other_work(ask: Ask) -> None:
    assert ask("What does the Lesotho lab do about food waste?").refused
    question = "What did the lab of Lesotho learn on wallets, boards and robberies?"
    assert len(ask(question).coverage.reports) == 4
    # A report of which one line is on the topic is told whole.
    answer = ask("O que quer fazer o laboratório de Timor-Leste com os motoristas de autocarro?")
    assert answer.coverage.labs == ("Timor-Leste",)
    assert "### O desafio" in answer.text
    assert "Would a household accept a code on the phone as a receipt" in answer.text


def test_a_goal_that_is_named_by_its_number_is_told_by_the_work_that_is_tagged_so(ask: Ask) -> None:
    for question in ("What did labs learn about SDG 5?", "que aprendieron sobre el ODS 5"):
        answer = ask(question)
        assert answer.coverage.intent == "lab"
        told = [citation.passage.report for citation in answer.citations]
        assert len({info.lab for info in told}) > 3
        assert all(any(goal.startswith("5") for goal in info.sdgs) for info in told)


def test_a_theme_is_told_by_all_labs_that_are_near_to_the_whole_question(ask: Ask) -> None:
    for question, labs in {
        HUSBANDS: {"BD", "LS", "SL"},
        ALERTS: {"BD", "VU"},
    }.items():
        told = {code for cited in ask(question).citations for code in cited.passage.report.iso}
        # At most one that tells it hardly.
        assert labs <= told
        assert len(told - labs) <= 1


def test_others_that_may_say_are_listed(ask: Ask, sample_engine: Engine, monkeypatch: Any) -> None:
    question = "What makes women lose control of the money on their phone?"
    small = ask(question)
    quoted = [*dict.fromkeys(citation.passage.report.id for citation in small.citations)]

    def fit(_: ReportChooser, lines: Sequence[Line], *_known: object) -> float:
        name = lines[0].report.id
        return 3.0 - 0.1 * quoted.index(name) if name in quoted else -1.0

    monkeypatch.setattr(ReportChooser, "_fit", fit)
    monkeypatch.setattr("rag.answer.chosen._FEW_PASSAGES", 0)
    large = sample_engine.ask(question).answer
    said, _, others = large.text.partition("\n### Other reports that may speak of it\n")
    lines = others.splitlines()
    assert lines
    told = {citation.n: citation.passage.report.id for citation in large.citations}
    works = [{told[n] for n in marks(line)} for line in lines]
    assert all(len(work) == 1 for work in works)
    # What fits is told as in a small collection, and the others apart from it.
    assert {told[n] for n in marks(said)} == set(quoted)
    assert set(quoted).isdisjoint(set[str]().union(*works))


def test_what_one_work_surely_says_it_tells_alone(sample_engine: Engine, monkeypatch: Any) -> None:
    monkeypatch.setattr("rag.answer.chosen.SURELY", -9.0)
    monkeypatch.setattr("rag.answer.chosen._LEAD", 0.0)
    answer = sample_engine.ask(ALERTS).answer
    assert {citation.passage.report.lab for citation in answer.citations} == {"Bangladesh"}
    # In a large collection what is surely asked of many is told by more.
    monkeypatch.setattr("rag.answer.chosen._FEW_PASSAGES", 0)
    assert len(sample_engine.ask(ALERTS).answer.coverage.labs) > 1
    monkeypatch.setattr("rag.answer.chosen._SURELY_OF_MANY", 9.0)
    assert len(sample_engine.ask(ALERTS).answer.coverage.labs) == 1


def test_a_large_collection_is_told_by_what_fits(sample_engine: Engine, monkeypatch: Any) -> None:
    def fit(_: ReportChooser, lines: Sequence[Line], *_known: object) -> float:
        return 3.0 if lines[0].report.lab in ("Bangladesh", "Lesotho") else -3.0

    monkeypatch.setattr(ReportChooser, "_fit", fit)
    assert "Sierra Leone" in sample_engine.ask(HUSBANDS).answer.coverage.labs
    monkeypatch.setattr("rag.answer.chosen._FEW_PASSAGES", 0)
    assert {*sample_engine.ask(HUSBANDS).answer.coverage.labs} == {"Bangladesh", "Lesotho"}


def test_what_surely_tells_has_what_follows_it(sample_engine: Engine, monkeypatch: Any) -> None:
    answer = sample_engine.ask(HUSBANDS).answer
    monkeypatch.setattr("rag.answer.writing.SURELY", 9.0)
    bare = sample_engine.ask(HUSBANDS).answer
    said, alone = ({(c.passage.id, c.quote) for c in a.citations} for a in (answer, bare))
    assert alone < said
    assert {place for place, _ in said} == {place for place, _ in alone}


def _line(role: Role, stage: Stage, kind: str) -> Line:
    own = passage(f"Nets: {role}.", report("a", kind=kind), stage=stage)
    return Line(Hit(own, 1.0, 0.8), 0, own.text, role, frozenset(), 1.0, 1.0)


def test_only_a_plan_tells_what_is_planned() -> None:
    cases: list[tuple[str, dict[Role, Stage], str, list[Role]]] = [
        ("plan", {"aim": "intention", "approach": "method"}, "planned", ["aim"]),
        ("closing", {"aim": "intention", "approach": "method"}, "tried", ["approach"]),
        ("closing", {"aim": "intention", "found": "finding"}, "found", ["found"]),
        ("experiment", {"challenge": "intention"}, "about", ["challenge"]),
        ("solution", {"challenge": "intention"}, "solutions", ["challenge"]),
    ]
    for kind, told, part, shown in cases:
        lines = [_line(role, stage, kind) for role, stage in told.items()]
        own, picked = part_of(lines[0].report, lines, asked=False)
        assert (own, [line.role for line in picked]) == (part, shown)


def test_key_points_answer_best_and_plans_are_few(sample_engine: Engine, monkeypatch: Any) -> None:
    given: list[Line] = []

    def logits(_: ReportChooser, lines: Sequence[Line]) -> dict[tuple[str, int], float]:
        given[:] = lines
        return {line.place: -line.score for line in lines}

    def plans(answer: Answer) -> int:
        return answer.text.partition("### What plans say")[2].partition("###")[0].count("\n- ")

    monkeypatch.setattr(ReportChooser, "logits", logits)
    many = plans(sample_engine.ask(MONEY).answer)
    for name in ("digests._ENOUGH", "writing._FEWEST_ROWS", "writing._MOST_KEY_POINTS"):
        monkeypatch.setattr(f"rag.answer.{name}", 2)
    answer = sample_engine.ask(MONEY).answer
    assert 0 < plans(answer) < many
    points, found = answer.text.split("### ")[1:3]
    assert points.startswith("Key points\n")
    assert found.startswith(HEADINGS["found"])
    points = points.strip().splitlines()[1:]
    for point in points:
        assert len(marks(point)) == 1
        assert keep_known(point, 0).partition(": ")[2] not in keep_known(found, 0)
    best = {line.report.id: line for line in sorted(given, key=lambda line: -line.score)}
    told = sorted(best.values(), key=lambda line: line.score)[: len(points)]
    assert len(told) == 2
    assert all(any(line.text.rstrip(".")[:40] in point for point in points) for line in told)


def test_without_findings_there_are_no_key_points_and_with_them_nothing_is_added() -> None:
    barriers = [_line("barriers", "finding", "closing") for _ in range(6)]
    rows = [(line.report, [line]) for line in barriers]
    unread = Mock(logits=lambda _: {})
    assert list(DigestWriter.key_points(unread, rows)) == []
    DigestWriter.add_context(unread, {"found": rows})
    assert [told for _, told in rows] == [[line] for line in barriers]
    unread.after.assert_not_called()


def test_what_got_in_the_way_is_read_as_that(sample_engine: Engine, monkeypatch: Any) -> None:
    said: list[Role] = []

    def logits(_: ReportChooser, lines: Sequence[Line]) -> dict[tuple[str, int], float]:
        return {x.place: 3.0 if x.role == said[-1] else -3.0 for x in lines}

    monkeypatch.setattr(ReportChooser, "logits", logits)
    roles: tuple[Role, ...] = ("found", "barriers")
    for role in roles:
        said.append(role)
        answer = sample_engine.ask("What worked and what didn't with mobile money?").answer
        assert answer.coverage.intent == "reasons"
        assert headings(answer) == [HEADINGS[role]]
    # A sentence of a report that is about the topic need not name it.
    assert any("money" not in c.quote for c in answer.citations)


def test_unknown_words_are_told_where_surely_said(sample_engine: Engine, monkeypatch: Any) -> None:
    monkeypatch.setattr(ReportChooser, "is_small", False)
    monkeypatch.setattr("rag.answer.digests._HELD_BY_SURVEYED", 1.1)
    for surely, refused in ((9.0, False), (1.0, True)):
        monkeypatch.setattr(ReportChooser, "odds", lambda *_, surely=surely: surely)
        answer = sample_engine.ask(MONEY).answer
        assert answer.refused == refused
        assert "About" not in answer.text


def test_a_title_is_shown_as_part_of_a_sentence() -> None:
    for title, shown in {
        "2. Boats: a story (pending)": "Boats – a story pending",
        "The 12:30 bus": "The 12·30 bus",
        "3.5 million people": "3.5 million people",
        "Who holds it? A card. Or two!": "Who holds it – A card – Or two",
        "Dr. Amina in St. Lucia vs. the U.S. ...": "Dr. Amina in St. Lucia vs. the U.S",
        "[ ]": "a",
        f"{'Ice is dear, so ' * 5}fish spoils": f"{'Ice is dear, so ' * 4}Ice …",
    }.items():
        name = title_of(report("a", title=title))
        assert name == shown
        said = f"Peru, {name} (2023, plan): Ice is dear [1]."
        assert cited_sentences(said) == [(said.replace(" [1]", ""), [1])]


def test_sentences_of_a_passage_keep_their_order(ask: Ask) -> None:
    several = 0
    for answer in map(ask, (MONEY, LESOTHO)):
        for row, n in product(answer.text.splitlines(), {c.n for c in answer.citations}):
            of_passage = [c for c in answer.citations if c.n == n and c.quote.rstrip(".") in row]
            in_row = sorted(of_passage, key=lambda c: row.find(c.quote.rstrip(".")))
            assert in_row == sorted(of_passage, key=lambda c: c.span or (0, 0)), row
            several += len(in_row) > 1
    assert several


def test_the_only_report_is_asked_in_any_words(sample_engine: Engine, quick_engine: Engine) -> None:
    # Words of the form question under which its answer stands, or None where it tells nothing.
    for question, asked in (
        ("¿Cuántos murciélagos contaron?", None),
        ("what's the problem?", "frontier challenge"),
        ("avec qui ont-ils travaillé ?", "partner"),
    ):
        answer = sample_engine.ask(question, filters=ONLY).answer
        assert answer.coverage.intent != "list", question
        assert answer.refused == (asked is None), question
        assert asked is None or asked in answer.citations[0].passage.prompt
    # What it found is told by its findings.
    answer = sample_engine.ask("¿Qué aprendieron?", filters=ONLY).answer
    assert {citation.passage.stage for citation in answer.citations} == {"finding"}
    assert not answer.refused
    # Its text says more than the bracket that is its tag.
    for question in ("What did it cost?", "How many people took part?"):
        assert quick_engine.ask(question, filters=ONLY).answer.mode == "extractive"
    # Only passages in a language that is chosen are quoted.
    only = Filters(language=("pt",))
    answer = quick_engine.ask("O que aprenderam com o dinheiro móvel?", filters=only).answer
    assert {citation.passage.language for citation in answer.citations} == {"pt"}


def test_what_it_cost_is_told_of_each_report_on_a_topic(ask: Ask) -> None:
    answer = ask("How much did experiments on waste cost?")
    assert headings(answer) == ["Time, size and money"]
    rows = [line for line in answer.text.splitlines() if line.startswith("- ")]
    assert rows
    assert all(re.search(r"\d", row.partition(": ")[2]) for row in rows)


def test_a_plan_is_told_with_what_came_of_it(ask: Ask) -> None:
    plan, lab = ask("Résume le plan du Togo de 2021"), ask("What is Togo working on?")
    for answer in (plan, lab):
        assert {cited.passage.report.kind for cited in answer.citations} == {"plan", "closing"}
    assert "D’un autre rapport du même travail" in plan.text
    assert "2021–2022" in lab.text.splitlines()[0]
    assert headings(lab)[0] == "What it is about"
    assert headings(lab)[-1] in ("What was found", "What comes next")
    assert "What plans say" not in headings(lab)
    # Its lessons are those of what came of it.
    told = ask("main lessons of the plan on phones full of doubt")
    assert (told.coverage.intent, headings(told)[0]) == ("report", HEADINGS["found"])


def test_quotes_stand_under_title_year_and_kind_of_their_own_report(ask: Ask) -> None:
    for answer in map(ask, (MONEY, "What is Togo working on?")):
        by_number = {citation.n: citation.passage.report for citation in answer.citations}
        lines = [line for line in answer.text.splitlines() if line.startswith("- ")]
        assert lines
        for told in (own for line in lines for own in re.split("From another report of", line)):
            (when,) = re.findall(r"\((\d{4}), (\w+)\): ", told)[:1]
            reports = [by_number[number] for number in marks(told)]
            assert {(str(report.year), report.kind) for report in reports} == {when}, told
            assert all(title_of(report) in told for report in reports)


def test_what_a_lab_found_on_a_topic_is_told_whichever_words_it_has(ask: Ask) -> None:
    told = ask("Tell me about the Bangladesh team's work on river erosion alerts.").text
    assert "acted on by 68%" in told
    assert "rose from 16% to 59%" in told


def test_what_came_of_a_plan_is_told_by_other_reports_of_its_lab(ask: Ask) -> None:
    answer = ask("air pollution in mongolia what did they find out")
    assert "What was found" in headings(answer)
    assert {c.passage.report.kind for c in answer.citations} == {"plan", "experiment"}


def test_a_topic_in_other_words_is_answered_from_near_ones(ask: Ask, quick_engine: Engine) -> None:
    answer = ask("Which labs fight polluted air at home?")
    assert answer.citations[0].passage.report.lab == "Mongolia"
    assert not answer.refused
    assert not answer.coverage.speaking
    # One that no report is near to is refused with what is closest.
    answer = ask("Who taught prisoners a trade, and did they find work?")
    assert answer.refused
    assert "Closest in the reports:" in answer.text
    # No question is off the topic whose words stand in a passage.
    text = quick_engine.ask("¿quiénes son los socios de la barrera de bambú?").answer.text
    assert "No parece una pregunta" not in text
