"""The pages in docs/ build without a warning, need no network, and say what the code keeps."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from .pages import PAGES, ROOT
from .test_layers import FLOORS


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages as ``make docs`` builds them."""
    tree, out = tmp_path_factory.mktemp("docs"), tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", tree)
    shutil.copytree(ROOT / "docs", tree / "docs")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    done = subprocess.run(build, cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return out


def test_every_page_is_built(site):
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= {path.stem for path in site.glob("*.html")}


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    with (tmp_path / "docs" / "index.md").open("a") as page:
        page.write("\n[nowhere](datasets.md#no-such-heading)\n")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and "no-such-heading" in done.stderr + done.stdout


def test_pages_fetch_nothing(site):
    for page in site.glob("*.html"):
        fetched = re.findall(r"<(?:script|img|iframe)[^>]*\bsrc=\"?(https?:[^\s\">]+)", page.read_text())
        fetched += re.findall(
            r"<link[^>]*rel=\"?(?:stylesheet|preconnect|icon)[^>]*href=\"?(https?:[^\s\">]+)", page.read_text()
        )
        assert not fetched, page.name


@pytest.mark.parametrize("page", [name for name in PAGES if not name.startswith("docs/")])
def test_headings_that_other_files_link_to_are_there(site, page):
    for name, heading in re.findall(r"\]\(docs/([\w-]+)\.md(?:#([\w-]+))?\)", PAGES[page]):
        built = (site / f"{name}.html").read_text()
        assert not heading or f'id="{heading}"' in built, f"{name}.md#{heading}"


def test_contracts_are_numbered_on_their_page_and_docstrings_say_the_rule_itself():
    told = re.findall(r"^### Contract (\d+): ", PAGES["docs/design.md"], re.MULTILINE)
    assert told == [str(number) for number in range(1, len(told) + 1)] and len(told) >= 7
    for path in (ROOT / "l4f_datagen").rglob("*.py"):
        assert not re.search(r"(?i)\bcontract \d", path.read_text(encoding="utf-8")), path


def test_the_layers_stand_on_the_page_in_their_order():
    page = PAGES["docs/design.md"]
    table = page[page.index("| row | folders") : page.index("- `networks` import each other")]
    told = [name for name in re.findall(r"`([a-z]+)/`:", table) if name in FLOORS]
    assert told == [name for name in reversed(FLOORS) if name in told]
    assert {"cli", "shards", "networks", "storage", "process"} <= set(told)


def test_every_folder_of_the_package_has_its_place_in_the_layers():
    for path in (ROOT / "l4f_datagen").iterdir():
        if (path / "__init__.py").exists():
            assert f"`{path.name}/`" in PAGES["docs/design.md"], path.name


def test_formats_and_filters_are_told():
    from l4f_datagen.settings.export import FORMATS
    from l4f_datagen.settings.generate import told

    for name in FORMATS.names:
        assert f"`{name}`" in PAGES["docs/datasets.md"], name
    for name in told():
        assert f"--{name.replace('_', '-')}" in PAGES["docs/datasets.md"], name


def test_metadata_keys_are_told():
    from l4f_datagen.shards.format.schema import SCHEMA

    table = PAGES["docs/datasets.md"]
    for name in SCHEMA.names:
        assert f"`{name}`" in table, name


def test_layouts_of_checkpoints_are_told():
    from l4f_datagen.weights.layouts.registry import layouts

    for name in {layout.name for layout in layouts()}:
        assert f"| `{name}` |" in PAGES["docs/formats.md"], name


def test_environment_variables_are_told():
    found = set()
    for path in (ROOT / "l4f_datagen").rglob("*.py"):
        found |= set(re.findall(r"\bL4F_[A-Z_]+\b", path.read_text()))
    assert found
    for name in found:
        assert f"`{name}`" in PAGES["docs/troubleshooting.md"], name


def test_settings_of_the_site_are_a_yaml_mapping_without_addresses():
    text = (ROOT / "mkdocs.yml").read_text()
    assert yaml.safe_load(text)["theme"]["font"] is False
    assert "://" not in text
