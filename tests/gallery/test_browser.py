"""A gallery in a real browser: drawn, sorted, filtered, ticked and saved, and smooth with ten thousand samples."""

import json
import os
import statistics
from pathlib import Path

import pytest

import l4f_datagen as l4f
from l4f_datagen.gallery import run
from l4f_datagen.settings.reject_list import read_list

from ..browser import NAMES, Browser, browser, program

pytestmark = pytest.mark.skipif(program() is None, reason=f"no Chromium here: {', '.join(NAMES)}")
MANY = 10_000


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture(scope="module")
def shards(tmp_path_factory, tiny_checkpoint):
    folder = tmp_path_factory.mktemp("shown") / "shards"
    settings = {"generator": str(tiny_checkpoint), "threshold": 0.5, "device": "cpu", "max_area": 0.6}
    l4f.generate(l4f.GenerateSettings(n=40, **settings), folder)
    return folder


@pytest.fixture(scope="module")
def rows(shards) -> list[dict]:
    return [sample.metadata for sample in l4f.open_dataset(shards)]


@pytest.fixture(scope="module")
def gallery(shards, tmp_path_factory) -> Path:
    return run.make_gallery(shards, tmp_path_factory.mktemp("pages") / "gallery").page


@pytest.fixture
def page(window, gallery) -> Browser:
    """The gallery just opened, nothing ticked, and nothing wrong with it at the end."""
    window.errors.clear()
    window.asked.clear()
    window.open(gallery)
    yield window
    window.value("localStorage.clear()")
    assert window.errors == []
    assert all(address.startswith(("file:", "data:", "blob:")) for address in window.asked)


def shown(page: Browser) -> list[str]:
    """The keys of the tiles, in their order."""
    tiles = "[...document.querySelectorAll('.tile')].sort((a, b) => a.dataset.place - b.dataset.place)"
    return page.value(f"{tiles}.map((tile) => tile.querySelector('label span').textContent)")


def choose(page: Browser, selector: str, value: object) -> None:
    """Put a value into a field, as if it were typed."""
    field = f"document.querySelector({json.dumps(selector)})"
    events = "for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {bubbles: true}));"
    page.value(f"(() => {{ const field = {field}; field.value = {json.dumps(value)}; {events} }})()")


def count(page: Browser) -> str:
    return page.value("document.getElementById('count').textContent")


def test_pictures_are_drawn_and_views_change(page, rows):
    loaded = "[...document.querySelectorAll('.tile img')].filter((one) => one.complete && one.naturalWidth).length"
    page.wait(lambda: page.value(loaded) >= 12)
    assert shown(page)[:12] == [row["key"] for row in rows[:12]]
    assert count(page).startswith("40 of 40 samples shown · 0 rejected")
    side, wide = page.value("(() => { const i = document.querySelector('.tile img'); "
                            "return [i.naturalHeight, i.naturalWidth]; })()")  # fmt: skip
    assert (side, wide) == (16, 4 * 16 + 6 * run._GUTTER)
    position = "getComputedStyle(document.querySelectorAll('.tile img')[1]).objectPosition"
    places = []
    for key in "1234":
        page.press(key)
        places.append(page.value(position))
        assert page.value("document.querySelector('#views :checked').value") == str(int(key) - 1)
    assert [float(place.partition("%")[0]) for place in places] == pytest.approx([0, 100 / 3, 200 / 3, 100], abs=0.01)
    page.press("1")
    page.press("2", shift=True)
    page.point('[data-place="1"] img')
    page.wait(lambda: page.value(position) == places[1])


def test_sorted_and_filtered_by_every_score(page, rows):
    names = page.value("[...document.querySelectorAll('#sort option')].map((one) => one.value)")
    assert names[0] == "" and {"mask_area", "decisiveness", "stability"} <= set(names[1:])
    for name in names[1:]:
        for descending in (False, True):
            choose(page, "#sort", name)
            if descending:
                page.press("r")
            wanted = sorted(rows, key=lambda row: (-row[name] if descending else row[name], row["index"]))
            assert page.value("order") == [row["index"] for row in wanted], name
        page.press("r")
    middle = statistics.median(row["decisiveness"] for row in rows)
    choose(page, "#least-decisiveness", str(middle))
    choose(page, "#most-mask_area", "0.55")
    wanted = [row for row in rows if row["decisiveness"] >= middle and row["mask_area"] <= 0.55]
    assert sorted(page.value("order")) == [row["index"] for row in wanted]
    assert 0 < len(wanted) < 40 and count(page).startswith(f"{len(wanted)} of 40 ")
    choose(page, "#least-mask_area", "1.1")
    assert page.value("order.length") == 0 and page.value("!document.getElementById('nothing').hidden")
    page.point("#clear", clicks=1)
    assert page.value("order.length") == 40


def test_ticked_by_keys_and_pointer_saved_and_taken_back(page, rows, gallery, tmp_path):
    across = page.value("columnsOfGrid()")
    page.press(" ", "ArrowRight", "ArrowDown", " ")
    page.point('[data-place="3"] input', clicks=1)
    ticked = sorted([0, across + 1, 3])
    assert sorted(page.value("[...rejected]")) == ticked
    labels = page.value("[...document.querySelectorAll('.tile.rejected')].map((one) => one.ariaLabel)")
    assert len(labels) == 3 and all(label.endswith(", rejected") for label in labels)
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.press("w")
    saved = tmp_path / "rejected.txt"
    page.wait(saved.exists)
    entries = [line for line in saved.read_text().splitlines() if not line.startswith("#")]
    assert entries == [f"{rows[index]['key']} {rows[index]['candidate']}" for index in ticked]
    assert any(row["candidate"] for row in rows)  # so that the second word says something
    assert read_list(saved, "list") == tuple(entries)
    choose(page, "#show", "rejected")
    assert page.value("order") == ticked
    page.press("c", "u")
    assert sorted(page.value("[...rejected]")) == [0, across + 1], "the last tick is undone"
    page.open(gallery)
    assert page.value("rejected.size") == 2, "the browser keeps ticks"
    lines = [
        "\ufeff# a comment",
        f"{rows[25]['key']}",
        f"27,{rows[27]['candidate']}  # by hand",
        "000000009 99",
        "x y z",
    ]
    told = page.value(f"takeList({json.dumps(chr(10).join(lines))})")
    assert told == {"ticked": 2, "strange": 1} and page.value("rejected.has(25) && rejected.has(27)")
    assert "000000009 99" in page.value("listAsText()").splitlines()
    page.point("#keep-shown", clicks=1)
    assert page.value("rejected.size") == 0
    page.point("#undo", clicks=1)
    assert page.value("rejected.size") == 4


def test_the_keyboard_reaches_everything(page, rows):
    page.press("End")
    assert page.value("document.activeElement.dataset.place") == "39"
    page.press("Home", "ArrowRight", "Enter")
    assert page.value("document.getElementById('large').open")
    assert page.value("document.getElementById('large-title').textContent") == rows[1]["key"]
    page.press("ArrowRight", " ")
    assert page.value("document.getElementById('large-title').textContent") == rows[2]["key"]
    told = page.value("document.getElementById('large-scores').textContent")
    assert "decisiveness" in told and "psi0.7" in told and page.value("rejected.has(2)")
    page.press("Escape")
    page.wait(lambda: page.value("document.activeElement.dataset.place") == "2")
    page.press("s")
    assert page.value("document.activeElement.id") == "sort"
    page.press("Escape")
    assert page.value("document.activeElement.dataset.place") == "2"
    page.press("f")
    assert page.value("document.activeElement.closest('#filters') !== null")
    page.press("Escape", "?")
    assert page.value("document.getElementById('all-keys').open")
    page.press("Escape")
    assert page.value("document.getElementById('keys').innerText").count("tick") >= 1


@pytest.fixture(scope="module")
def many(gallery, tmp_path_factory) -> Path:
    """A gallery of ten thousand samples: the same pictures again and again, with other keys and scores."""
    folder, data = tmp_path_factory.mktemp("many"), json.loads(
        (gallery.parent / run.DATA).read_text().split(" = ", 1)[1].rstrip().rstrip(";")
    )  # fmt: skip
    for file in gallery.parent.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    pictures = sorted(gallery.parent.rglob("*.jpg"))
    for index in range(MANY):
        place = folder / run.PICTURES / f"{index:09d}"[:6]
        if index % 1000 == 0:
            place.mkdir(parents=True)
        os.link(pictures[index % len(pictures)], place / f"{index:09d}.jpg")
    data |= {"keys": list(range(MANY)), "candidates": [0] * MANY, "of": MANY}
    for column in data["columns"]:
        column["values"] = [value + 1e-9 * index for index in range(MANY // 40) for value in column["values"]]
    (folder / run.DATA).write_text(f"const GALLERY = {json.dumps(data)};")
    return folder / run.PAGE


def test_ten_thousand_samples_stay_smooth(window, many):
    window.open(many)
    told = window.value("""(async () => {
        const scroller = document.getElementById("scroll"), took = [];
        let nodes = 0, wrong = 0;
        for (let step = 0; step < 25; step++) {
            scroller.scrollTop = step * scroller.scrollHeight / 24;
            const before = performance.now();
            drawGrid();
            grid.getBoundingClientRect();
            took.push(performance.now() - before);
            nodes = Math.max(nodes, document.getElementsByTagName("*").length);
            const { x, y } = scroller.getBoundingClientRect();
            // Above or below a gap between two rows there is one.
            wrong += ![100, 120].some((down) => document.elementFromPoint(x + 60, y + down)?.closest(".row"));
        }
        const before = performance.now();
        state.sort = "decisiveness";
        changed("order");
        return { took: took.sort((a, b) => a - b)[12], nodes, wrong, sorted: performance.now() - before };
    })()""")
    assert told["nodes"] < 1500 and told["wrong"] == 0
    assert told["took"] < 50, "milliseconds to draw what a jump brings into the window"
    assert told["sorted"] < 1000
    window.press("End")
    assert window.value("document.activeElement.dataset.place") == str(MANY - 1)
    assert window.value("document.activeElement.getBoundingClientRect().bottom <= innerHeight")
