"""A new format is one file: no table elsewhere knows its name."""

import l4f_datagen as l4f

from ..throwaway import Contribution

FORMAT = '''
    """Lists: a line for each sample."""

    from ...storage import atomic
    from ..target import Target


    class Lists(Target):
        def add(self, item):
            atomic.write_part(self.folder / f"{item.key}.txt", f"{int((item.mask == 1).sum())}\\n".encode())

        def contents(self):
            return {"*.txt": "pixels of the foreground"}
'''


def test_a_format_is_one_file(tmp_path):
    package = Contribution(tmp_path / "package", {"export/formats/plain_lists.py": FORMAT})
    shards = tmp_path / "shards"
    package.run("render", "vessels", "--n", 3, "--size", 16, "--out", shards)
    assert "plain-lists" in package.run("export", "--help").stdout
    package.run("export", shards, "--format", "plain-lists", "--out", tmp_path / "out")
    pixels = [int((sample.mask == 1).sum()) for sample in l4f.open_dataset(shards)]
    assert [int(path.read_text()) for path in sorted((tmp_path / "out").glob("*.txt"))] == pixels
    told = package.run("export", shards, "--format", "plain", "--out", tmp_path / "other", code=2).stderr
    assert "plain-lists" in told and "hf-parquet" in told
