"""Drafting cases: lists exact by the tags, questions that stand alone, the same for a seed."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.cases import case_from_json, load_cases, write_cases
from eval.draft_lists import reworded, selections, worded
from eval.drafts import Made, make_cases
from eval.make_passages import of_the_lab, question_in
from eval.make_words import lab_name
from eval.metrics import fold
from rag.engine import Engine
from rag.errors import InputError
from rag.places.countries import resolve_country
from rag.query.entities import countries_in
from rag.text.language import LANGUAGES
from tests.conftest import SAMPLE

pytest_plugins = ("command_line",)


@pytest.fixture(scope="module")
def made(sample_engine: Engine) -> Made:
    return make_cases(sample_engine, 60)


def test_there_are_as_many_as_were_wanted_of_each_type_and_language(made: Made) -> None:
    types = Counter(case.type for case in made.cases)
    # So small a collection has few near misses that are safe: there are more others instead.
    assert types == {"single": 34, "followup": 6, "listing": 16, "unanswerable": 4}
    assert {case.lang for case in made.cases} == set(LANGUAGES)
    assert len({case.country for case in made.cases if case.type == "single"}) >= 8
    assert len({case.question for case in made.cases}) >= 58
    assert made.short == {"unanswerable": 3}


def test_all_are_drafts_that_the_format_takes(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "drafts.jsonl"
    write_cases(made.cases, out)
    lines = out.read_text(encoding="utf-8").splitlines()
    assert tuple(map(case_from_json, lines)) == made.cases
    assert all(case.draft for case in made.cases)
    accepted = [json.dumps({**json.loads(line), "draft": False}) for line in lines]
    out.write_text("\n".join(accepted), encoding="utf-8")
    assert len(load_cases(out)) == 60


def test_the_same_seed_gives_the_same_drafts(sample_engine: Engine, made: Made) -> None:
    assert make_cases(sample_engine, 60).cases == made.cases
    other = make_cases(sample_engine, 60, seed=1)
    assert {c.question for c in other.cases} != {c.question for c in made.cases}


def test_evidence_stands_in_the_report_and_not_in_the_question(made: Made) -> None:
    asked = [case for case in made.cases if case.evidence]
    assert asked
    for case in asked:
        (item,) = case.evidence
        raw = (SAMPLE / f"{item.report}.md").read_text(encoding="utf-8")
        assert fold(item.quote)[:40] in re.sub(r"[*_]+", "", fold(raw)), case.id
        assert fold(item.quote) not in fold(case.question)


def test_questions_stand_alone(made: Made) -> None:
    for case in made.cases:
        if case.type in ("single", "unanswerable"):
            assert resolve_country(case.country)[0] in countries_in(case.question), case.question
        if case.type == "followup":
            assert case.history[0].role == "user"
            assert resolve_country(case.country)[0] in countries_in(case.standalone)


def test_lists_are_those_of_the_tags_in_the_files(made: Made) -> None:
    """Counted anew from the files: which have all tags, in any of the spellings named."""
    tags = {
        path.stem: re.findall(r"\[\[(\w+):\s*([^\]]*?)\s*\]\]", path.read_text(encoding="utf-8"))
        for path in SAMPLE.glob("*.md")
    }
    checked = 0
    for case in made.cases:
        # Goals are kept by their number and title, of which files have slips.
        if case.type != "listing" or "sdgs" in case.gold_filter:
            continue
        wanted = {
            tag: {str(v).casefold() for v in (given if isinstance(given, tuple) else (given,))}
            for tag, given in case.gold_filter.items()
        }
        found = {
            report
            for report, pairs in tags.items()
            if all(
                any(key == tag and value.casefold() in values for key, value in pairs)
                for tag, values in wanted.items()
            )
        }
        several = {i for i in case.gold if "," in " ".join(v for k, v in tags[i] if k == "country")}
        assert found | several == case.gold, (case.question, found ^ case.gold)
        checked += 1
    assert checked >= 8


def test_the_engine_lists_what_the_drafts_say(sample_engine: Engine, made: Made) -> None:
    exact = [
        set(sample_engine.ask(case.question).answer.coverage.reports) == case.gold
        for case in made.cases
        if case.type == "listing"
    ]
    assert sum(exact) >= len(exact) / 2


def test_near_misses_have_no_report(sample_engine: Engine, made: Made) -> None:
    reports = sample_engine.catalog.reports.values()
    near = [case for case in made.cases if case.type == "unanswerable"]
    assert near
    for case in near:
        year = re.search(r"(20\d\d)", case.question)
        if year:
            having = {r.year for r in reports if case.country in r.countries}
            assert int(year[1]) not in having
        else:
            topic = re.search(r"about (.+)\?|«\s*(.+?)\s*»", case.question)
            assert topic
            words = fold(topic[1] or topic[2]).split()
            own = [p.text for p in sample_engine.passages if case.country in p.report.countries]
            assert own
            assert not any(word in fold(text).split() for word in words for text in own)


def test_lists_select_a_bearable_number(sample_engine: Engine) -> None:
    found = selections(sample_engine.catalog)
    assert found
    assert all(2 <= len(one.reports) <= 40 for one in found)
    assert {len(one.values) for one in found} == {1, 2, 3}


@pytest.mark.parametrize("language", LANGUAGES)
def test_lists_are_worded_alike_in_all_languages(made: Made, language: str) -> None:
    lists = [case for case in made.cases if case.type == "listing"]
    for case in lists:
        question = reworded(case, language)
        assert question.rstrip().endswith(("?", "؟"))
        assert "{" not in question
        assert (question == case.question) == (language == case.lang)
    assert reworded(replace(lists[0], question="Which reports use sensors?"), language) == ""


def test_questions_of_lists_read_well() -> None:
    tags = {"methods": "Design Thinking", "year": "2022", "type": "experiment"}
    assert worded("en", tags)[0] == (
        "Which experiments of 2022 name design thinking among their methods?"
    )
    assert worded("fr", {"sdgs": "14. Life below water", "country": "Ivory Coast"})[0] == (
        "Quels rapports du laboratoire de Côte d’Ivoire sont rattachés à l'ODD 14 ?"
    )
    assert worded("es", {"country": "Peru", "year": "2023"})[1] == (
        "¿Cuántos informes de 2023 del laboratorio de Perú hay, y cuáles son?"
    )


@pytest.mark.parametrize(
    ("language", "country", "said"),
    [
        ("en", "Fiji", "Fiji"),
        ("fr", "Peru", "du Pérou"),
        ("fr", "Ecuador", "d'Équateur"),
        ("fr", "Colombia", "de Colombie"),
        ("fr", "Philippines", "des Philippines"),
        ("fr", "Haiti", "d'Haïti"),
        ("pt", "Peru", "do Peru"),
        ("pt", "Bolivia", "da Bolívia"),
        ("pt", "Angola", "de Angola"),
        ("pt", "Maldives", "das Maldivas"),
        ("es", "Peru", "Perú"),
        ("fr", "Null Island", "de Null Island"),
    ],
)
def test_countries_take_their_prepositions(language: str, country: str, said: str) -> None:
    assert lab_name(language, country) == said


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("Challenge: What is your challenge? (Be specific.)", "what is the lab's challenge?"),
        (
            "If applicable, which partners did you work with and what did you do with them?",
            "which partners did the lab work with and what did it do with them?",
        ),
        ("What do you know now that you did not know?", "what does the lab know now that it did"),
        ("Why is it your Lab that has to do this?", "why is it the lab that has to do this?"),
        ("Did you meet barriers?", ""),
        ("Why did you choose these?", ""),
        ("Please describe the activity", ""),
    ],
)
def test_form_questions_become_questions_about_the_lab(prompt: str, said: str) -> None:
    asked = question_in(prompt)
    assert of_the_lab(asked).startswith(said)
    assert bool(asked) == bool(said)


def test_a_language_without_templates_is_refused(sample_engine: Engine) -> None:
    with pytest.raises(InputError, match=r"--language.*'sw'"):
        make_cases(sample_engine, 5, languages=("en", "sw"))
    only = make_cases(sample_engine, 8, languages=("fr",))
    assert {case.lang for case in only.cases} == {"fr"}


def test_the_command_writes_once_and_says_what_to_do_next(
    run: Any, sample_index: Path, tmp_path: Path
) -> None:
    out = tmp_path / "made.jsonl"
    arguments = ("eval", "make", "--n", "10", "--index", sample_index, "--out", out)
    done = run(*arguments)
    assert done.code == 0
    assert "10 drafts (5 single, 1 followup, 3 listing, 1 unanswerable)" in done.out
    assert 'take "draft" out' in done.out
    written = out.read_bytes()
    again = run(*arguments)
    assert again.code == 2
    assert "--force" in again.err
    assert out.read_bytes() == written
    assert run(*arguments, "--force", "--seed", "3").code == 0
    assert out.read_bytes() != written
    with pytest.raises(InputError, match="all cases are drafts"):
        load_cases(out)
    assert len(load_cases(out, drafts=True)) == 10
