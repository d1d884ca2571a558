"""Answers for tests: plain, right-to-left, hostile, long, and any that the types allow."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from hypothesis import strategies as st

from rag.catalog.fields import FILTER_FIELDS, Filters, ReportInfo
from rag.types import (
    Answer,
    Citation,
    Coverage,
    GenerationRecord,
    Hit,
    Notice,
    Passage,
    PlannedBy,
    Struck,
)

ARABIC = "تعلّم المختبر أن 12٪ من النساء لا يثقن في لحظة التسليم، وليس في الهاتف mobile."
HOSTILE = (
    "<script>alert(1)</script> <b onclick=x>bold</b> # not a heading\n# heading\n===\n"
    "- item\n7. item\n> quote\n[link](javascript:alert(1)) ![i](http://evil.example/x.png)\n"
    "https://evil.example www.evil.example a@evil.example <https://evil.example>\n"
    "[1]: http://evil.example\n| a | b |\n|---|---|\n```\n~~~\n"
    "`code` *em* __strong__ ~~gone~~ $x^2$\n"
    '#import "x.typ": * #eval("1") \\input{passwd} 100% & {open _under_ \\\n'
    "@book{evil, title={x}}\n"
    "ER  - \nTY  - JOUR\n&lt;i&gt; ]]> {{x}} \t tab \x00\x07\ufffe\u202eoverride"
)


def passage(
    quote: str, report: str = "one_report", title: str = "A title", **more: object
) -> Passage:
    info = ReportInfo(
        id=report,
        title=title,
        countries=("Côte d’Ivoire", "Perú"),
        iso=("CI", "PE"),
        year=2023,
        type="learningplan",
        kind="closing",
        language="fr",
        methods=("crowdfunding",),
        facts={"elevatorpitch": ("a", "b")},
    )
    text = f"Before. {quote} After."
    whole = Passage(f"{report}-1", info, "Énoncé du défi", "What did you learn?", text, ((5, 90),))
    return replace(whole, **more)  # type: ignore[arg-type]


def answer(*passages: Passage, text: str = "", question: str = "¿Qué pasó, señor?") -> Answer:
    quotes = [p.text.removeprefix("Before. ").removesuffix(" After.") for p in passages]
    citations = tuple(
        Citation(n, p, quote, "partly")
        for n, (p, quote) in enumerate(zip(passages, quotes, strict=True), 1)
    )
    marks = "".join(f" Sentence {c.n} [{c.n}]." for c in citations)
    return Answer(
        question=question,
        standalone=question,
        text=text or f"**Trust** matters.{marks}\n\n- an item [1]\n2. a step",
        refused=False,
        citations=citations,
        hits=tuple(Hit(p, 1 / (3 + i)) for i, p in enumerate(passages)),
        coverage=Coverage("answer", ("one_report",), ("Perú",), 41, 12, 9, Filters(year=(2023,))),
        mode="extractive",
        language="en",
        timings={"plan_ms": 1.25, "retrieve_ms": 50.5, "answer_ms": 7.0},
        tokens={"prompt": 3, "completion": 4},
        index="f00dcafe",
    )


PLAIN = answer(
    passage("Les vendeuses ont été « grugées » ; la confiance naît à l’échelle du marché."),
    passage("El año pasado, ¿quién pagó? Nadie: 3 señoras.", report="two", title="Bambú & más"),
    passage("A third, quoted\nover two lines, 50%.", report="three", title="Third"),
)
RIGHT_TO_LEFT = answer(
    passage(ARABIC, report="souk", title="أسواق بلا نقود", language="ar"),
    text="تعلّم المختبر أن النساء لا يثقن [1].",
    question="ماذا تعلمت المختبرات؟",
)
EVIL = answer(passage(HOSTILE, report=HOSTILE, title=HOSTILE), text=HOSTILE, question=HOSTILE)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TUPLES = st.lists(TEXTS, max_size=2).map(tuple)
NUMBERS = st.integers(0, 2**40)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INFOS = st.builds(
    ReportInfo,
    id=TEXTS,
    title=TEXTS,
    countries=TUPLES,
    iso=TUPLES,
    year=st.none() | NUMBERS,
    type=TEXTS,
    kind=TEXTS,
    language=TEXTS,
    methods=TUPLES,
    datasources=TUPLES,
    sdgs=TUPLES,
    thematic_areas=TUPLES,
    facts=st.dictionaries(TEXTS, TUPLES, max_size=2),
)
PASSAGES = st.builds(
    Passage,
    id=TEXTS,
    report=INFOS,
    section=TEXTS,
    prompt=TEXTS,
    text=TEXTS,
    spans=st.lists(st.tuples(NUMBERS, NUMBERS), max_size=2).map(tuple),
    stage=st.sampled_from(["finding", "admin"]),
    language=TEXTS,
    part=NUMBERS,
    parts=NUMBERS,
    family=TEXTS,
)
NOTICES = st.builds(Notice, TEXTS, st.dictionaries(TEXTS, NUMBERS | TEXTS, max_size=2))
FILTERS = st.builds(
    Filters,
    **{
        name: st.lists(NUMBERS if name == "year" else TEXTS, max_size=2).map(tuple)
        for name in FILTER_FIELDS
    },
)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    known = draw(st.lists(PASSAGES, min_size=1, max_size=3))
    status = st.sampled_from(["supported", "partly", "unsupported"])
    cited = draw(st.lists(st.sampled_from(known) | PASSAGES, max_size=3))
    return Answer(
        question=draw(TEXTS),
        standalone=draw(TEXTS),
        text=draw(TEXTS) + "".join(f" [{n}]" for n, _ in enumerate(cited, 1)),
        refused=draw(st.booleans()),
        citations=tuple(
            Citation(
                n,
                p,
                draw(TEXTS),
                draw(status),
                draw(st.none() | st.tuples(NUMBERS, NUMBERS)),
                draw(st.booleans()),
            )
            for n, p in enumerate(cited, 1)
        ),
        hits=tuple(
            Hit(p, draw(FLOATS), draw(FLOATS), relevance=draw(FLOATS))
            for p in draw(st.lists(st.sampled_from(known)))
        ),
        coverage=draw(
            st.builds(
                Coverage,
                intent=st.sampled_from(["answer", "list"]),
                reports=TUPLES,
                labs=TUPLES,
                matched_reports=NUMBERS,
                read_passages=NUMBERS,
                read_reports=NUMBERS,
                filters=FILTERS,
                first=FILTERS,
                ignored=FILTERS,
                read=TUPLES,
                unread=st.lists(st.tuples(TEXTS, NUMBERS), max_size=2).map(tuple),
            )
        ),
        mode=draw(TEXTS),
        language=draw(TEXTS),
        timings=draw(st.dictionaries(TEXTS, FLOATS, max_size=2)),
        tokens=draw(st.dictionaries(TEXTS, NUMBERS, max_size=2)),
        index=draw(TEXTS),
        notices=tuple(draw(st.lists(NOTICES, max_size=2))),
        planner=draw(st.sampled_from(get_args(PlannedBy))),
        struck=tuple(draw(st.lists(st.builds(Struck, TEXTS, NOTICES), max_size=2))),
        checked=draw(st.dictionaries(TEXTS, NUMBERS, max_size=2)),
        generation=draw(st.builds(GenerationRecord, TEXTS, TEXTS, st.none() | FLOATS, TEXTS)),
    )
