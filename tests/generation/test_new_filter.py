"""A new filter is a setting and when a sample passes: two places."""

import l4f_datagen as l4f

from ..throwaway import Contribution

SETTING = """    min_height: Annotated[float | None, Rejects("masks are at least {} of the image high")] = Field(
        None, ge=0, le=1, description="reject masks that are less high, as a share of the image"
    )
"""
PASSES = """    "min_height": lambda row, bound: row["bounding_box"][3] / row["height"] >= bound,
"""


def test_a_filter_is_two_places(tmp_path):
    before = "    largest_component: Annotated", '    "max_area": lambda'
    changes = {
        "settings/generate.py": (before[0], SETTING + before[0]),
        "generation/filters.py": (before[1], PASSES + before[1]),
    }
    package = Contribution(tmp_path / "package", {}, changes)
    words = ["generate", "--n", 6, "--generator", "vessels64", "--device", "cpu", "--out"]
    assert "--min-height" in package.run("generate", "--help").stdout
    # A data set that was begun before there was such a filter continues, and without it is the same.
    l4f.generate(l4f.GenerateSettings(n=3, generator="vessels64", device="cpu", samples_per_shard=2), tmp_path / "all")
    package.run("generate", "--n", 6, "--device", "cpu", "--out", tmp_path / "all")
    assert package.run("verify", tmp_path / "all").stdout.endswith("nothing wrong\n")
    boxes = [s.metadata["bounding_box"][3] / s.metadata["height"] for s in l4f.open_dataset(tmp_path / "all")]
    bound = sorted(boxes)[2]
    told = package.run("generate", "--n", 7, "--min-height", bound, "--out", tmp_path / "all", code=2).stderr
    assert f"min_height (None there, {bound} here)" in told
    package.run(*words, tmp_path / "high", "--min-height", bound)
    kept = [s.metadata["bounding_box"][3] / s.metadata["height"] for s in l4f.open_dataset(tmp_path / "high")]
    assert len(kept) == 6 and min(boxes) < bound <= min(kept)
    assert f"masks are at least {bound} of the image high" in (tmp_path / "high" / "README.md").read_text()
    told = package.run(*words, tmp_path / "high", "--min-height", 0, code=2).stderr
    assert "min_height" in told
