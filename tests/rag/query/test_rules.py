"""The rules' plans: what comes first, what narrows, lists, comparisons, regions, ignored values."""

from dataclasses import replace
from typing import Any

import pytest

from rag.catalog.tag_fields import FILTER_FIELDS, CatalogQuery, Filters
from rag.engine import Engine
from rag.places.countries import without_regions
from rag.query.forms import as_topic, listed_topics, topic_of, topic_sides
from rag.retrieval.hybrid import sought
from rag.types import Plan

GOAL = "Which plans of 2023 are tagged with SDG 14?"
REGION = "What did labs in West Africa learn about mobile money?"
FEES = "What did Lesotho learn about fees in 2023?"
ETHNOGRAPHY, BY_LABS = Filters(method=("Ethnography",)), Filters(author=("lab",))
DEARER = ("total_cost: Between 10,000- and 20,000 USD", "total_cost: More than 20,000 USD")
PLANS, TOGO = Filters(type=("learningplan",)), Filters(country=("Togo",))
EXPERIMENTS, CLOSINGS = Filters(kind=("experiment",)), Filters(kind=("closing",))
OF_TWO = Filters(country=("Togo", "Fiji"), type=("learningplan",))
YEARS = (2022, 2023)


def plan(engine: Engine, question: str, **filters: object) -> Plan:
    return engine.plan(question, filters=Filters(**filters))  # type: ignore[arg-type]


def by(field: str, filters: Filters = Filters(), **more: Any) -> CatalogQuery:
    return CatalogQuery(filters, group_by=field, **more)


def lacking(what: Filters, field: str = "country") -> CatalogQuery:
    filters = BY_LABS if field == "country" else Filters()
    return by(field, filters, excluded=what, lacking=True)


def experiments(*facts: str) -> Filters:
    return replace(EXPERIMENTS, fact=facts)


def ignoring(engine: Engine, question: str, **ignored: object) -> Plan:
    return engine.plan(question, ignored=Filters(**ignored))  # type: ignore[arg-type]


def test_what_is_named_comes_first_and_filters_narrow(quick_engine: Engine) -> None:
    made = plan(quick_engine, FEES)
    assert made.boosted == made.first == Filters(country=("Lesotho",), year=(2023,))
    assert not made.filters
    assert not made.wide
    made = plan(quick_engine, FEES, country=("Fiji",), year=(2022,))
    assert (made.filters, made.first) == (Filters(country=("Fiji",), year=(2022,)), Filters())


def test_topics_are_parted_where_they_are_held_against_each_other_or_listed(
    quick_engine: Engine,
) -> None:
    for question, topics in {
        "Do reports talk more about fish or about bees?": ("fish", "bees"),
        "How does work on clay stoves differ from work on bees?": ("clay stoves", "bees"),
        "¿Hay más trabajo sobre vida en la tierra o abejas?": ("vida en la tierra", "abejas"),
        "هل تعمل المختبرات أكثر على النحل أم على الجراد؟": ("النحل", "الجراد"),
        "Compare Fiji and Togo on bees": (),
        "Do women trust cash more than banks?": (),
    }.items():
        made = plan(quick_engine, question)
        links = quick_engine.report_measure().linker.link(question, made.language)
        assert topic_sides(links, made) == topics
    # So are the topics of a list.
    for asked, number in (("wallets, fee boards and robberies", 3), ("women and wallets", 1)):
        made = plan(quick_engine, f"What has Lesotho done on {asked}?")
        assert len(listed_topics(made)) == number


def test_a_tag_of_the_only_report_is_listed_and_one_that_leaves_nothing_searched_for(
    quick_engine: Engine,
) -> None:
    only = {"country": ("Namibia",)}
    assert plan(quick_engine, "Which labs used prototyping?", **only).intent == "list"
    # "The solution" is what it does, not a list of one.
    assert plan(quick_engine, "What is the solution?", **only).intent != "list"
    made = plan(quick_engine, "Which labs in Fiji use ethnography?")
    assert (made.intent, made.boosted.country) == ("answer", ("Fiji",))
    (notice,) = made.notices
    assert (notice.code, notice.params) == ("no_reports_tagged", {"tags": "ethnography"})
    assert plan(quick_engine, "how many reports from Fiji use ethnography").intent == "list"


@pytest.mark.quality
def test_what_is_asked_for_and_whether_of_many_labs(quick_engine: Engine) -> None:
    for question, asked in {
        "What do the experiments show?": ("answer", True),
        "Which methods did the Togo lab use?": ("list", True),
        "What is Togo working on?": ("lab", False),
        "What worked and what did not?": ("reasons", True),
        "How has the work of Togo changed over time?": ("trend", False),
        "Why did the lab in Fiji use ethnography?": ("answer", False),
        "Compare 2022 with 2023 in Paraguay.": ("compare", True),
        "We fly to Togo soon, so what did the team there try, and did it work out?": ("lab", False),
        "Which labs tested drones to deliver vaccines to remote clinics?": ("topic", True),
        "Reduce food waste": ("topic", True),
        "¿Cuántos informes hablan de teatro?": ("topic", True),
        "How do Fiji and France compare?": ("answer", False),
        "do lab reports talk more about fish or about bees": ("compare", True),
        "ماذا تعلمت المختبرات عن المال عبر الهاتف؟": ("topic", True),
        "Has mobile money become a bigger topic?": ("trend", True),
        "Did work on mobile money grow over all these years, or is it only hype?": ("trend", True),
        "how big is the collection": ("about", False),
        "Which labs were the first to dry seaweed on racks?": ("answer", True),
        "Who works with fish?": ("answer", True),
        "Who works with fish in Uganda?": ("lab", False),
        "Que sait-on de la confiance dans les chefs ?": ("answer", True),
        "Has anyone tried songs, plays, puppets or posters to get shepherds or bakers or fishers to"
        " the clinic?": ("answer", True),
        "¿Cuánto duró la prueba con los sombreros?": ("answer", False),
        "When the twelve weavers went home after the course, which of the two looms did they ask to"
        " keep, and who paid for the yarn?": ("answer", False),
    }.items():
        made = plan(quick_engine, question)
        assert (made.intent, made.wide) == asked, question
        assert bool(made.query) == (made.intent == "list")
        assert not (made.filters and made.boosted)


@pytest.mark.quality
def test_a_fact_in_other_words_is_known_by_its_meaning(quick_engine: Engine) -> None:
    for question, fact in {
        "In which experiments did chance decide who got the treatment?": "assignment_type: Rand",
        "how many tests had no comparison group at all": "control_group: It does not",
        "Quels pays ont eu une université parmi leurs partenaires ?": "partnering_sector: Acad",
        "which experiments helped girls at school?": "",
    }.items():
        query = plan(quick_engine, question).query
        assert bool(query) == bool(fact), question
        assert all(name.startswith(fact) for name in (query.filters.fact if query else ()))


def test_of_boxes_that_are_ticked_all_that_are_named_are_wanted(quick_engine: Engine) -> None:
    for question, every, found in (
        ("how many experiments have a low risk and a high scaling potential", ("fact",), 2),
        ("experiments that cost under 1,000 USD and 1,000 to 9,999 USD", (), 3),
    ):
        query = plan(quick_engine, question).query
        assert query
        assert query.every == every
        assert len(quick_engine.catalog.matching(query)) == found


def test_what_two_countries_did_together_is_no_comparison(quick_engine: Engine) -> None:
    for question, is_compared in {
        "Ecuador and Peru on lost papers: how long does a copy take?": False,
        "¿Qué falta en el proyecto de Ecuador y Perú con migrantes?": False,
        "Compare the papers of migrants in Ecuador and in Peru.": True,
    }.items():
        made = plan(quick_engine, question)
        assert (made.intent == "compare") == is_compared, question
        assert {*made.filters.country, *made.boosted.country} == {"Ecuador", "Peru"}


def test_what_many_are_asked_has_the_digest_of_a_topic() -> None:
    def form(question: str, subject: str, wide: bool = True) -> str:
        return as_topic(Plan(question, question, subject=subject, wide=wide)).intent

    assert form("Who works on bees?", "bees") == form("Where were two compared?", "") == "topic"
    assert form("Who works on bees?", "bees", wide=False) == "answer"
    assert form("How many bees are there?", "bees") == form("Who?", "") == "answer"


@pytest.mark.quality
def test_tags_are_counted_however_that_is_asked(quick_engine: Engine) -> None:
    for question, query in {
        "which countries used ethnography most": by("country", ETHNOGRAPHY),
        "Were there more plans in 2022 than in 2023?": by(
            "year", replace(PLANS, year=YEARS), split="kind"
        ),
        "table of experiments by cost bracket": by("total_cost", EXPERIMENTS),
        "جدول التقارير حسب السنة والنوع": by("year", split="kind"),
        "países con al menos 2 informes": by("country", having=(2, 0)),
        "pays qui ont plus de deux rapports": by("country", having=(3, 0)),
        "labs with two or more closing reports": by("country", CLOSINGS, having=(2, 0)),
        "which labs have both a plan and a closing": by(
            "country", Filters(kind=("closing", "plan")), split="kind", having=(2, 0)
        ),
        "¿Qué laboratorios tienen tanto planes como experimentos?": by(
            "country", Filters(kind=("experiment", "plan")), split="kind", having=(2, 0)
        ),
        "países con informes de un solo año": by("country", split="year", having=(1, 1)),
        "In how many countries was ethnography used?": by("country", ETHNOGRAPHY, form="count"),
        "What is the most common SDG, and whats second?": by("sdg"),
        "Methods used by labs each year": by("year", BY_LABS, split="method"),
        "methods that were used only once": by("method", least=True),
        "كيف تطور عدد التقارير عبر السنوات": by("year"),
        "What share of reports used ethnography?": by("", ETHNOGRAPHY, form="share"),
        "Los 3 países con menos experimentos": by("country", EXPERIMENTS, limit=3, least=True),
        "which year had the most reports": by("year", ranked=True),
        "does Togo or Fiji have more plans?": by("country", OF_TWO, split="kind"),
        "labs that never reported an experiment": lacking(EXPERIMENTS),
        "años sin experimentos": lacking(EXPERIMENTS, "year"),
        "Which labs have no reports in 2023?": lacking(Filters(year=(2023,))),
        "experiments that cost over 5k usd": by("", experiments(*DEARER)),
        "experiments that did not cost more than 20,000 USD": by(
            "", EXPERIMENTS, excluded=Filters(fact=DEARER[1:])
        ),
        "experimentos con menos de 50 participantes": by("", experiments("sample_size: 10-49")),
        "how many experiments are marked as completed": by(
            "", experiments("experiment_status: Completed"), form="count"
        ),
        "how many plans have no SDG at all": by("", PLANS, untagged=("sdg",), form="count"),
        "plans sans méthode en 2023": by("", replace(PLANS, year=(2023,)), untagged=("method",)),
        "ethnography + citizen science in the same report": by(
            "", Filters(method=("Ethnography", "Citizen Science")), every=("method",)
        ),
        # What is left out of what is counted is not lacked.
        "Which methods are used most outside Togo?": by("method", excluded=TOGO),
        "Which labs wrote most plans in 2022 or 2023?": by(
            "country", replace(PLANS, year=YEARS), split="kind"
        ),
    }.items():
        assert plan(quick_engine, question).query == query, question


@pytest.mark.quality
def test_a_single_report_has_no_lists_topics_or_years(quick_engine: Engine) -> None:
    for question, intent in {
        "What is the solution?": "answer",
        "What is Uganda working on?": "report",
        "How many solutions are there?": "list",
        "What can you do?": "about",
    }.items():
        made = plan(quick_engine, question, country=("Uganda",))
        assert (made.intent, made.wide) == (intent, intent == "list"), question


def test_a_region_stands_for_its_labs_which_are_ignored_singly_or_all(quick_engine: Engine) -> None:
    made = plan(quick_engine, REGION)
    assert set(made.boosted.country) == {"Côte d'Ivoire", "Sierra Leone", "Togo", "Cabo Verde"}
    assert made.filters.country == made.boosted.country
    assert (made.intent, made.wide, made.subject) == ("topic", True, "mobile money")
    # Its name stands in none of their reports.
    assert made.english == made.gloss == " ".join(without_regions(REGION).split())
    happened = plan(quick_engine, "What happened in West Africa in 2023?")
    region = happened.filters.country
    assert region == made.filters.country
    assert not plan(quick_engine, "Which firm did a West African town hire?").wide
    named = plan(quick_engine, "What did Togo, in West Africa, learn?")
    assert (named.boosted.country, named.wide) == (("Togo",), False)
    some = ignoring(quick_engine, REGION, country=("Togo",))
    assert {*some.filters.country} == {*region} - {"Togo"}
    none = ignoring(quick_engine, REGION, country=("",))
    assert none.filters == none.boosted == Filters()
    # The words of the region are searched for where its labs are not chosen.
    assert ["West Africa" in sought(made) for made in (none, some)] == [True, False]


def test_what_is_chosen_is_the_topic_of_a_vague_question_and_all_its_labs_are_heard(
    quick_engine: Engine,
) -> None:
    vague = plan(quick_engine, "What worked and what did not?", theme=("Fisheries",))
    assert vague.standalone == "What worked and what did not? Fisheries"
    topical = plan(quick_engine, "What worked against flies?", theme=("Fisheries",))
    assert topical.standalone == "What worked against flies?"
    assert plan(quick_engine, "Who sells ice?", country=("Fiji", "Togo")).wide
    assert not plan(quick_engine, "Who sells ice in Fiji?", country=("Fiji", "Togo")).wide


def test_what_is_ignored_does_not_come_first(quick_engine: Engine) -> None:
    # A value is known by its meaning, here a country by its code.
    made = ignoring(quick_engine, FEES, country=("LS",), method=("",))
    assert made.boosted == Filters(year=(2023,))
    assert made.ignored == Filters(country=("Lesotho",))
    assert ignoring(quick_engine, FEES, country=("Togo",)) == plan(quick_engine, FEES)
    chosen = Filters(year=(2023,))
    assert quick_engine.plan(GOAL, filters=chosen, ignored=chosen).filters.year == (2023,)
    one = ignoring(quick_engine, "How do Fiji and Tanzania differ?", country=("Fiji",))
    assert (one.intent, one.boosted.country) == ("answer", ("Tanzania",))


def test_a_list_without_a_filter_is_longer_or_an_answer(quick_engine: Engine) -> None:
    whole, broad = plan(quick_engine, GOAL), ignoring(quick_engine, GOAL, sdg=("14",))
    assert broad.filters == Filters(year=(2023,), type=("learningplan",))
    assert (broad.intent, broad.ignored) == ("list", Filters(sdg=whole.filters.sdg))
    answer = quick_engine.ask(GOAL, ignored=Filters(sdg=("14",))).answer
    assert set(answer.coverage.reports) == quick_engine.catalog.ids(broad.filters)
    assert answer.coverage.ignored == broad.ignored
    everything = {name: (0,) if name == "year" else ("",) for name in FILTER_FIELDS}
    nothing = ignoring(quick_engine, GOAL, **everything)
    assert (nothing.filters, nothing.ignored) == (Filters(), whole.filters)


def test_a_topic_is_no_list_of_everything(quick_engine: Engine) -> None:
    # A slip from a word that only asks, in Portuguese, in English and in French.
    algae = plan(quick_engine, "qu'ont appris les laboratoires sur les algues ?")
    food = plan(quick_engine, "which labs deal with food that ends up in the bin")
    assert "list" not in (algae.intent, food.intent)
    assert (algae.subject, food.subject) == ("algues", "food bin")
    # What is lacked, though it only asks elsewhere.
    jobless = plan(quick_engine, "what have labs done about young people without work")
    assert jobless.subject == "young people work"
    for asked in ("which labs are there", "how many reprots per country"):
        assert plan(quick_engine, asked).intent == "list"


def test_the_first_or_last_report_of_a_lab_is_one_of_its_year(quick_engine: Engine) -> None:
    for question, years in {
        "What changed between the first and the second plan of Togo?": (2021, 2022),
        "¿qué dice el último informe de Togo?": (2022,),
        "ما الفرق بين الخطة الأولى والثانية في توغو": (2021, 2022),
        "Which plan of Togo was the third?": (),
        "Who sold ice first in Togo?": (),
    }.items():
        made = plan(quick_engine, question)
        assert made.filters.merged(made.boosted).year == years, question


@pytest.mark.quality
def test_the_stages_of_a_work_are_held_against_each_other(quick_engine: Engine) -> None:
    for question, is_held in {
        "Togo: what did they plan at first and what came out in the end?": True,
        "what changed between the first and the second plan on mobile money in Lesotho": True,
        "¿qué había previsto el laboratorio de Togo para el carnet y qué resultó?": True,
        "Georgia wanted a livelier town; how does that compare with what they concluded?": True,
        "How many women did Lesotho want first, and how many came in the end?": False,
    }.items():
        made = plan(quick_engine, question)
        assert (made.intent == "compare", made.stages) == (is_held, is_held), question
        assert len(made.boosted.country) == 1


def test_a_topic_ends_where_a_time_or_another_question_begins(quick_engine: Engine) -> None:
    for question, topic in {
        "How did work on ice sellers change since the storm?": "ice sellers",
        "What do labs do about ice sellers, and what gets in the way?": "ice sellers",
        "ice sellers - why did they stop?": "ice sellers",
        "when did ice stop being a topic?": "ice",
        "Que font les labos sur la glace, et qu'est-ce qui aide ?": "glace",
        "qué hacen los labs con los vendedores de hielo: ¿en qué fallan?": "vendedores de hielo",
        "O que os labs aprenderam sobre a água e do gelo?": "água e do gelo",
        "What did labs learn about ice and who sells it?": "ice and who sells",
        "ice sellers in Fiji, Togo. One lab helped them, I think?": "ice sellers",
        "getting ice to sellers (carts, dry ice)": "getting ice to sellers",
        "Did work with ice grow over the years across all labs, or is it hype?": "ice",
        "is there more ice in our work now than a few years ago": "ice",
        "how did work on ice other than dry ice change over the years": "ice other than dry ice",
    }.items():
        made = plan(quick_engine, question)
        links = quick_engine.report_measure().linker.link(made.standalone, made.language)
        assert topic_of(made.standalone, links, made.language, made.intent) == topic, question


def test_tags_answer_however_a_question_is_worded(quick_engine: Engine) -> None:
    both = Filters(method=("Ethnography", "Citizen Science"), type=("learningplan",))
    cheap = ("total_cost: Between 1,000 and 9,999 USD", "total_cost: Less than 1,000 USD")
    small = ("sample_size: 10-49", "sample_size: 50-99")
    large = ("sample_size: 100-999", "sample_size: 50-99", "sample_size: More than 1,000")
    other_group = experiments("control_group: Yes, a different group entirely")
    lesotho, fiji = Filters(country=("Lesotho",)), Filters(country=("Fiji",))
    sea = Filters(sdg=("14. Life below water",))
    made_of_both = CatalogQuery(both, every=("method",))
    for question, query in {
        # What only greets, or says how it is to be shown, is beside what is asked.
        "Good morning! How many plans has Lesotho submitted so far?": CatalogQuery(
            replace(lesotho, type=("learningplan",)), form="count"
        ),
        "What methods does the Lesotho lab use? Most frequent first please.": by(
            "method", replace(lesotho, author=("lab",))
        ),
        # A value that is named twice is one.
        "Quels plans utilisent à la fois l'ethnographie (ethnography) et la science citoyenne ?": (
            made_of_both
        ),
        "¿Qué planes usan tanto la etnografía como la ciencia ciudadana?": made_of_both,
        "ما خطط التعلم التي تستخدم الإثنوغرافيا وعلم المواطن؟": made_of_both,
        "Experiments with a sample of fewer than 100, please": CatalogQuery(experiments(*small)),
        "أعطني التجارب التي يزيد حجم عينتها عن 50.": CatalogQuery(experiments(*large)),
        "Combien d'expériences ont coûté moins de 10 000 dollars ?": CatalogQuery(
            experiments(*cheap), form="count"
        ),
        "Which experiments used an entirely different group as control?": CatalogQuery(other_group),
        "كم حلا سجل في كل سنة؟": by("year", Filters(kind=("solution",)), form="count"),
        "أرني التقارير المتعلقة بالهدف 14 التي ليست من فيجي.": CatalogQuery(sea, excluded=fiji),
        "Lesotho aside, which countries have the most reports?": by("country", excluded=lesotho),
        "¿Cuántos informes salieron de Fiyi, dejando fuera los experimentos?": CatalogQuery(
            fiji, excluded=EXPERIMENTS, form="count"
        ),
        "Reports using ethnography since 2022, year by year": by(
            "year", Filters(method=("Ethnography",), year=(2022, 2023, 2024, 2025))
        ),
        # What is told around a question is none of it, but for what it points at.
        "Hi team, we prepare a visit for our RR. How many plans has Lesotho? Thanks a lot!": (
            CatalogQuery(replace(lesotho, type=("learningplan",)), form="count")
        ),
        "We meet on water soon. Which labs used ethnography as a method? I need names to call.": (
            CatalogQuery(Filters(method=("Ethnography",), author=("lab",)))
        ),
        "Vamos a Lesotho en mayo. ¿Cuántos planes hay de allí?": CatalogQuery(
            replace(lesotho, type=("learningplan",)), form="count"
        ),
        # Two values that are held against each other are the rows of a table.
        "Are there more plans with ethnography or with citizen science?": by(
            "method", both, split="kind"
        ),
        "Which labs have plans but not a single experiment?": by(
            "country",
            Filters(type=("learningplan",)),
            excluded=EXPERIMENTS,
            lacking=True,
            split="kind",
        ),
        # The type of plans is that of closings, too.
        "action learning plans per year": by("year", Filters(type=("learningplan",)), split="kind"),
    }.items():
        assert plan(quick_engine, question).query == query, question
    # What may be a topic is not passed over.
    for question in (
        "I care for bees. How many plans has Lesotho?",
        "which labs put on an opera",
        "Which solutions are of more than one country?",
    ):
        assert not plan(quick_engine, question).query, question
