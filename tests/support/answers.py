"""Answers for tests: plain, right-to-left, hostile, long, and any that the types allow."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import fake_engine
from hypothesis import assume
from hypothesis import strategies as st
from passages import text_notice

from rag.catalog.tag_fields import Filters, ReportInfo
from rag.types import Answer, Citation, Coverage, Hit, Passage, Struck

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


def passage(quote: str, report: str = "one_report", title: str = "A title", **more: Any) -> Passage:
    values = {"type": "learningplan", "kind": "closing", "language": "fr", "year": 2023}
    values |= {"countries": ("Côte d’Ivoire", "Perú"), "iso": ("CI", "PE")}
    values |= {"methods": ("crowdfunding",), "facts": {"elevatorpitch": ("a", "b")}}
    info = ReportInfo(id=report, title=title, **values)
    text = f"Before. {quote} After."
    whole = Passage(f"{report}-1", info, "Énoncé du défi", "What did you learn?", text, ((5, 90),))
    return replace(whole, **more)


def answer(*passages: Passage, text: str = "", question: str = "¿Qué pasó, señor?") -> Answer:
    quotes = [p.text.removeprefix("Before. ").removesuffix(" After.") for p in passages]
    pairs = enumerate(zip(passages, quotes, strict=True), 1)
    citations = tuple(Citation(n, p, quote, "partly") for n, (p, quote) in pairs)
    marks = "".join(f" Sentence {c.n} [{c.n}]." for c in citations)
    return fake_engine.answer(
        question,
        text=text or f"**Trust** matters.{marks}\n\n- an item [1]\n2. a step",
        citations=citations,
        hits=tuple(Hit(p, 1 / (3 + i)) for i, p in enumerate(passages)),
        coverage=Coverage("answer", ("one_report",), ("Perú",), 41, 12, 9, Filters(year=(2023,))),
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
DOUBTS = (Struck(HOSTILE, text_notice(HOSTILE)),)
EVIL = replace(EVIL, struck=DOUBTS, doubted=DOUBTS)

VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    int: st.integers(0, 2**40),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
}


def values(kind: Any, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Any small value of a type; some fields of a dataclass may be given."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        free = [field.name for field in fields(kind) if field.name not in given]
        return st.builds(kind, **{name: values(hints[name]) for name in free}, **given)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is UnionType:
        return st.one_of(*map(values, inner))
    if origin is Mapping:
        return st.dictionaries(*map(values, inner), max_size=2)
    if origin is tuple and inner[-1] is ...:
        return st.lists(values(inner[0]), max_size=2).map(tuple)
    return st.tuples(*map(values, inner)) if origin is tuple else VALUES[kind]


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Any answer whose text has the marks of its citations."""
    known = draw(st.lists(values(Passage), min_size=1, max_size=3))
    some = st.sampled_from(known)
    hit = values(Hit, passage=some, siblings=st.just(()))
    coverage = values(Coverage, mentioned=st.just(()))
    one: Answer = draw(
        values(Answer, citations=st.just(()), hits=st.lists(hit).map(tuple), coverage=coverage)
    )
    cited = draw(st.lists(values(Citation, passage=some | values(Passage)), max_size=3))
    reports = [x.passage.report for x in (*one.hits, *cited)]
    named = {report.id: report for report in reports}
    assume(all(named[report.id] == report for report in reports))  # an id names one report
    return replace(
        one,
        text=one.text + "".join(f" [{n}]" for n, _ in enumerate(cited, 1)),
        citations=tuple(replace(citation, n=n) for n, citation in enumerate(cited, 1)),
    )
