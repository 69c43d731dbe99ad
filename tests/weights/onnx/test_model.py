import pytest

from l4f_datagen.errors import UserError
from l4f_datagen.weights.onnx import model as onnx_model

onnx = pytest.importorskip("onnx")


def _model(location=None, *, where="initializer", offset="0", length="16"):
    tensor = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [4], [1.0] * 4)
    if location is not None:
        tensor.ClearField("float_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=value)
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    if where == "initializer":
        node = onnx.helper.make_node("Identity", ["w"], ["y"])
        return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [output], [tensor]))
    node = onnx.helper.make_node("Constant", [], ["y"], value=tensor)
    if where == "branch":
        body = onnx.helper.make_graph([node], "body", [], [output])
        node = onnx.helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)
    if where == "function":
        function = onnx.helper.make_function("d", "f", [], ["y"], [node], [])
        node = onnx.helper.make_node("f", [], ["y"], domain="d")
        return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [output]), functions=[function])
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], [output]))


def _written(tmp_path, model):
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return folder / "model.onnx"


WHERE = ("initializer", "constant", "branch", "function")


@pytest.mark.parametrize("where", WHERE)
def test_weights_in_the_file_and_beside_it_are_fine(where, tmp_path):
    onnx_model.check(_written(tmp_path, _model(where=where)), "model")
    path = _written(tmp_path, _model("weights.bin", where=where))
    (path.parent / "weights.bin").write_bytes(bytes(16))
    onnx_model.check(path, "model")


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../secret", "a/../../secret", "link", "", "a\0b", "linked/secret"]
)
def test_other_files_are_never_read(where, location, tmp_path):
    path = _written(tmp_path, _model(location, where=where))
    (tmp_path / "secret").write_bytes(bytes(16))
    (path.parent / "link").symlink_to(tmp_path / "secret")
    (path.parent / "linked").symlink_to(tmp_path)
    with pytest.raises(UserError, match="nothing was read"):
        onnx_model.check(path, "model")


@pytest.mark.parametrize(
    "model, named",
    [
        (lambda: b"", "without a single operation"),
        (lambda: b"<html>", "no ONNX model"),
        (lambda: bytes(100), "no ONNX model"),
        (lambda: _model("weights.bin"), "without its weights"),
        (lambda: _model("there", length="17"), "behind the end"),
        (lambda: _model("there", length="9" * 30), "without its weights"),
        (lambda: _model("there", offset="-1"), "without its weights"),
        (lambda: b"\x3a" + b"\x7f" * 5000, "no ONNX model"),
    ],
)
def test_what_is_no_model_is_said(model, named, tmp_path):
    path = _written(tmp_path, model())
    (path.parent / "there").write_bytes(bytes(16))
    with pytest.raises(UserError, match=named) as caught:
        onnx_model.check(path, "model")
    assert str(caught.value).isprintable()
