"""Hostile text from every side, in a real browser: it stays text, and the page stays usable."""

from collections.abc import Iterator

import pytest
from fake_engine import FakeEngine, hostile, report
from page_fixtures import ask
from playwright.sync_api import Page, expect

from rag.catalog.catalog import Catalog

pytestmark = pytest.mark.browser

ATTACKS = {
    "a script": "<script>window.hacked=1;alert(1)</script>",
    "an image": "<img src=x onerror=window.hacked=1>",
    "out of an attribute": "\"' autofocus onfocus=window.hacked=1 onclick='window.hacked=1' x=\"",
    "out of an element": "</h3></p></article></details></textarea></style></script><b id=evil>",
    "broken": "<a href='javascript:window.hacked=1' <b <<svg/onload=window.hacked=1//",
    "a link": "[see](javascript:window.hacked=1) <a href=//evil.test/x>x</a> https://evil.test/y",
    "other requests": "<link rel=stylesheet href=//evil.test/c><iframe src=//evil.test></iframe>",
    "a style": "<style>*{display:none!important}</style><form action=//evil.test><input name=p>",
    "templates": "${alert(1)} {{value}} {{#each value}} `${window.hacked=1}` \\u003cscript\\u003e",
    "entities": "&lt;script&gt;window.hacked=1&lt;/script&gt; &#60;img src=x onerror=alert(1)&#62;",
    "a template": "</template><template><img src=x onerror=window.hacked=1></template><!-- x",
    "a frame of SVG": "<svg><script>window.hacked=1</script><animate onbegin=alert(1)></svg>",
    "mathematics": "<math><mtext><table><mglyph><style><img src=x onerror=window.hacked=1>",
    "mathematics in SVG": "<svg></p><style><a id='</style><img src=x onerror=window.hacked=1>'>",
    "turned": "\u202e<img src=x onerror=window.hacked=1>\u2066\x00\x07\u2028",
}


# Elements that run something or lead somewhere.
ACTIVE = """() => [...document.querySelectorAll("#desk *")].filter((e) =>
  [...e.attributes].some((a) => /^on/i.test(a.name))
  || /^\\s*(javascript|data|https?:\\/\\/evil)/i.test(e.getAttribute("href") ?? "")
).map((e) => e.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    catalog = Catalog(
        report(n, title=bad, countries=(bad,), kind=bad, methods=(bad,), thematic_areas=(bad,))
        for n, bad in enumerate(ATTACKS.values())
    )
    return FakeEngine(lambda bad: hostile(bad, bad), catalog=catalog, revision="<b>f1</b>" * 4)


@pytest.fixture
def guarded(page: Page, site: str) -> Iterator[Page]:
    """A visitor's page; afterwards, nothing hostile has become more than text."""
    opened: list[object] = []
    page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
    page.context.on("page", lambda popup: opened.append(popup.url))
    yield page
    assert_inert(page)
    assert opened == []
    assert page.url.startswith(site)


def assert_inert(page: Page) -> None:
    """Nothing on the page runs, loads or links anywhere, once the browser has drawn it."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert page.evaluate("window.hacked === undefined")
    theirs = "img, iframe, object, embed, math, animate, #evil, form[action], style, link"
    assert page.locator("#desk").locator(f":is({theirs}, script)").count() == 0
    assert page.evaluate(ACTIVE) == []


def test_hostile_text_is_inert_wherever_it_stands(guarded: Page) -> None:
    page = guarded
    # Three at once: each stays apart in a line of its own.
    attacks = ["\n".join(few) for few in zip(*[iter(ATTACKS.values())] * 3, strict=True)]
    for turn, attack in enumerate(attacks, 1):
        ask(page, attack, turn)
        folds = page.locator(f"#turn-{turn} details, #sources details")
        folds.evaluate_all("all => all.forEach((e) => (e.open = true))")
        page.locator(f"#turn-{turn} .cite").first.click()
        expect(page.locator("#sources .source[aria-current]")).to_be_visible()
        shown = page.locator(f"#turn-{turn} h3").inner_text()
        plain = "".join(sign for sign in attack if sign.isprintable())
        assert "".join(sign for sign in shown if sign.isprintable()).split() == plain.split()
        assert_inert(page)
    # Saved, listed by its name, and opened again.
    page.reload()
    expect(page.locator(f"#turn-{len(attacks)} footer")).to_be_visible()
    expect(page.locator("#history .open")).to_be_visible()
    assert_inert(page)
    ask(page, "Is it still usable?", len(attacks) + 1)
