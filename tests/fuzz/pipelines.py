"""Pipeline files: the YAML that ``--config`` and ``run`` read, with all sections resolved."""

from collections.abc import Mapping
from pathlib import Path

from l4f_datagen import resources
from l4f_datagen.experiment.plan import make_plan
from l4f_datagen.settings import PipelineFlags, fingerprint, load_pipeline

TOKENS = (
    b": ", b"- ", b"&a ", b"*a ", b"<<: *a\n", b"!!python/name:os.system ", b"!!binary ", b"!!int ", b"!!float ", b"{",
    b"[", b"}", b"]", b"? ", b"| ", b"> ", b"%YAML 1.1\n", b"---\n", b"...\n", b"\t", b"\xff", b"\xef\xbb\xbf", b"0x",
    b"1e400", b".nan", b".inf", b"9" * 5000, b"1:59:59", b"2024-01-01", b"on", b"~", b"'", b'"', b'"\\ud800"', b"#",
    b"\x00", b"[" * 100, b"{a: " * 100, b"&a [*a]", b"= ", b"!!set ", b"\n", b"\xc2\x85", b"&a {<<: [*a, *a]}\n",
    b"${images}", b"${", b"when: images\n", b"flags: {images: required}\n", b"gpu: ",
)  # fmt: skip


def seeds() -> Mapping[str, bytes]:
    """The pipelines that come with the package."""
    return {path.name: path.read_bytes() for path in sorted(Path(resources.folder("pipelines")).glob("*.yaml"))}


def read(content: bytes) -> None:
    """As ``run`` does, with the flag that a file needs."""
    Path("pipeline.yaml").write_bytes(content)
    flags = PipelineFlags(images="photos") if b"${images}" in content else PipelineFlags()
    plan = make_plan(load_pipeline("pipeline.yaml", flags), Path("out"))
    for stage in plan.pieces:
        fingerprint(stage.settings.model_dump(mode="json"))
