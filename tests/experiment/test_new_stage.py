"""A new stage is one file and its settings: command, plan, quick values, report, name in pipeline files."""

import json

from ..throwaway import Contribution

SETTINGS = '''
    """Settings of ``count``."""

    from typing import Annotated, ClassVar

    from pydantic import Field

    from .base import Metavar, StageSettings


    class CountSettings(StageSettings):
        """Settings of ``count``."""

        SECTION: ClassVar = "count"

        shards: Annotated[str, Metavar("FOLDER")] = Field("", description="data set to count in")
        most: int = Field(100, gt=0, description="samples to look at")
'''
STAGE = '''
    """The stage ``count``: how many pixels are foreground."""

    import json
    from pathlib import Path
    from typing import ClassVar

    import click

    from ...console.options import config_option, settings_options
    from ...console.output import result
    from ...settings import GenerateSettings, load_pipeline, resolve
    from ...settings.count import CountSettings
    from ...shards.reader import open_dataset
    from ...storage import atomic
    from ..stage import Stage


    @click.command("count", short_help="Count pixels of the foreground.")
    @settings_options(CountSettings)
    @config_option
    @click.option("--out", required=True, metavar="FILE")
    def command(out, config, **flags):
        """Count pixels of the foreground."""
        section = (load_pipeline(config).section("count") or {}) if config else {}
        count(resolve(CountSettings, section, flags), out)


    def count(settings, out):
        samples = list(open_dataset(settings.shards))[: settings.most]
        pixels = sum(int((sample.mask == 1).sum()) for sample in samples)
        atomic.write_bytes(Path(out), json.dumps({"samples": len(samples), "pixels": pixels}).encode())
        result(f"{out}: {pixels} pixels", {"out": out, "pixels": pixels})
        return len(samples)


    class Count(Stage[CountSettings]):
        settings = CountSettings
        place = "count.json"
        after = ("generate",)
        quick: ClassVar = {"most": 2}
        lacking = "Counts: the pipeline file has no section `count`."

        def plan(self, draft):
            section = draft.section(self.name)
            if section is not None:
                made = draft.last("generate", GenerateSettings)
                section = {**({"shards": draft.path(made)} if made else {}), **section}
                yield self.piece(draft.resolved(self.settings, section, self.name, self.quick))

        def do(self, piece, folder, means):
            return count(piece.settings, str(folder / piece.place))

        def values(self, plan):
            pieces = plan.of(self.name)
            return {"counted": [json.loads(plan.path(piece).read_text()) for piece in pieces]}

        def texts(self, content):
            return {"Counts": f"{counted['pixels']} pixels." for counted in content["counted"]}

        def findings(self, plan, content):
            return [f"Foreground: {counted['pixels']} pixels." for counted in content["counted"]]
'''


def test_a_stage_is_one_file_and_its_settings(tmp_path):
    package = Contribution(tmp_path / "package", {"settings/count.py": SETTINGS, "experiment/stages/count.py": STAGE})
    assert "Count pixels of the foreground." in package.run("--help").stdout
    assert "samples to look at  [default: 100]" in package.run("count", "--help").stdout
    out = tmp_path / "out"
    generating = {"generator": "vessels64", "n": 3, "device": "cpu", "threshold": 0.5}
    (tmp_path / "p.yaml").write_text(json.dumps({"generate": generating, "count": {"most": 50}}))

    planned = json.loads(package.run("run", tmp_path / "p.yaml", "--out", out, "--quick", "--dry-run").stdout)
    assert planned["count"] == {"shards": str(out / "shards"), "most": 2}
    done = package.run("run", tmp_path / "p.yaml", "--out", out, "--quick")
    assert "stage 2 of 2: count" in done.stderr
    report = json.loads((out / "report.json").read_text())
    assert [stage["name"] for stage in report["stages"]] == ["generate", "count"]
    (counted,) = report["counted"]
    assert counted["samples"] == 2 and f"Foreground: {counted['pixels']} pixels." in report["findings"]
    page = (out / "report.md").read_text()
    assert f"## Counts\n\n{counted['pixels']} pixels." in page and "| [count](count.json) |" in page

    alone = package.run("count", "--shards", out / "shards", "--most", 1, "--out", tmp_path / "one.json", "--json")
    assert json.loads(alone.stdout)["out"] == str(tmp_path / "one.json")
    (tmp_path / "p.yaml").write_text(json.dumps({"generate": generating, "cuont": {}}))
    assert "did you mean count?" in package.run("run", tmp_path / "p.yaml", "--out", out, code=2).stderr
    (tmp_path / "p.yaml").write_text(json.dumps({"generate": generating}))
    package.run("run", tmp_path / "p.yaml", "--out", out, "--quick")
    assert "Counts: the pipeline file has no section `count`." in (out / "report.md").read_text()
