"""In a notebook ``l4f.generate`` shows how far it is, without widgets."""

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")


def test_generate_shows_progress_in_a_notebook(tmp_path, tiny_checkpoint):
    settings = f"l4f.GenerateSettings(n=6, generator={str(tiny_checkpoint)!r}, device='cpu', threshold=0.5)"
    cells = [
        f"import l4f_datagen as l4f\nl4f.generate({settings}, {str(tmp_path / 'shown')!r})",
        f"l4f.generate({settings}, {str(tmp_path / 'silent')!r}, report=lambda progress: None)",
        f"next(iter(l4f.open_dataset({str(tmp_path / 'shown')!r})))",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown, silent, sample = (cell["outputs"] for cell in notebook.cells)
    (line,) = [output for output in shown if output["output_type"] == "display_data"]
    assert "6/6 samples" in line["data"]["text/plain"] and "━" in line["data"]["text/plain"]
    assert [output for output in silent if output["output_type"] in ("display_data", "stream")] == []
    assert len(list((tmp_path / "shown").glob("*.tar"))) == 1
    (result,) = sample
    assert result["data"]["text/plain"].startswith("Sample(") and len(result["data"]["text/plain"]) < 120
    assert "<img" in result["data"]["text/html"] and result["data"]["image/png"]
