"""The report in a real Chromium: at phone and desktop width, light and dark. Its pictures are left in build/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.reported import full, told
from tests.servers.chromium import Chromium, found
from tests.servers.parts import need

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
SIZES = {"phone": (360, 780), "desktop": (1280, 900)}
# Of each element that has text of its own: its size and the contrast of its colour with the first opaque background
# behind it, as WCAG 2 counts it.
CONTRASTS = """
(() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parts(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const e of document.body.querySelectorAll("*")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.closest("svg")) continue;
    const a = light(parts(getComputedStyle(e).color)), b = light(behind(e));
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.tagName + "." + e.className]);
  }
  return found;
})()
"""
# Bars of the charts that nobody could see: without a size, or of the colour of what is behind them.
BARS = """
[...document.querySelectorAll(".plot svg")].map((svg) => [...svg.querySelectorAll("rect")].filter((bar) => {
  const box = bar.getBoundingClientRect(), card = svg.closest("section");
  return box.width > 0.5 && box.height > 0 && getComputedStyle(bar).fill !== getComputedStyle(card).backgroundColor;
}).length)
"""
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with something in every section."""
    lake = full(tmp_path_factory.mktemp("report") / "lake")
    told(lake)
    return lake.parent / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all."""
    need(found(), "chromium")
    with Chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_report_is_quiet_fits_and_can_be_read(browser: Chromium, page: Path, size: str, scheme: str) -> None:
    browser.open(page, *SIZES[size], scheme)
    browser.screenshot(PICTURES / f"report-{size}-{scheme}.png")
    assert browser.complaints() == []
    assert [url for url in browser.requests() if url not in (page.resolve().as_uri(), "data:,")] == []
    assert browser.ask(OVERFLOW) <= 0
    contrasts = browser.ask(CONTRASTS)
    assert len(contrasts) > 50
    assert [(ratio, what) for ratio, what in contrasts if ratio < 4.5] == []
    assert (browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(245, 246, 248)") == (
        scheme == "light"
    )
    drawn = browser.ask(BARS)
    assert len(drawn) == 2
    assert min(drawn) > 20


def test_what_log_lines_say_makes_no_element_and_runs_nothing(browser: Chromium, page: Path) -> None:
    browser.open(page, *SIZES["desktop"], "light")
    assert browser.ask("document.querySelectorAll('script, img, i, u, b, iframe, [onerror]').length") == 0
    shown = browser.ask("document.body.innerText")
    assert [word for word in ("<script>alert(1)</script>", "\\x1b[31mred", "<i>ns</i>") if word not in shown] == []
    assert not set(shown) & {"\x1b", "\x07", "\x00", "\u202e"}


def test_the_first_screen_of_a_phone_says_what_became_of_the_lines(browser: Chromium, page: Path) -> None:
    browser.open(page, *SIZES["phone"], "light")
    box = browser.ask("(() => { const b = document.querySelector('h1').getBoundingClientRect(); return b.bottom })()")
    assert browser.ask("document.querySelector('h1').innerText") == "✓ 600 lines read, 600 delivered, 0 lost"
    assert 0 < box < SIZES["phone"][1] / 2
    last = browser.ask("document.querySelector('.glance li').getBoundingClientRect().bottom")
    assert last < SIZES["phone"][1]


def test_its_policy_refuses_what_was_smuggled_in(browser: Chromium, page: Path, tmp_path: Path) -> None:
    smuggled = '<script>document.title = "owned"</script><img src="http://198.51.100.7/x.png"><p style="color: red">'
    copy = tmp_path / "report.html"
    copy.write_text(page.read_text().replace("<main>", f"<main>{smuggled}"))
    browser.open(copy, *SIZES["desktop"], "light")
    assert browser.ask("document.title") != "owned"
    assert browser.complaints() != []
    colour = "getComputedStyle(document.querySelector('p[style]')).color"
    assert browser.ask(colour) != "rgb(255, 0, 0)"


def test_it_prints_on_paper(browser: Chromium, page: Path) -> None:
    browser.open(page, *SIZES["desktop"], "dark")
    pdf = browser.pdf()
    assert pdf.startswith(b"%PDF")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.ask("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    browser.call("Emulation.setEmulatedMedia", media="")
