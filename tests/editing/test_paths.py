"""What is added to codes at each step: of directions that are found, of files, of lists of codes; and bad files."""

import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from l4f_datagen.editing import directions
from l4f_datagen.editing.paths import way_of
from l4f_datagen.errors import UserError
from l4f_datagen.settings import EditSettings, resolve
from tests.conftest import TINY, tiny_generator

NUM_WS, W_DIM = TINY.num_ws, TINY.w_dim


@pytest.fixture(scope="module")
def generator():
    return tiny_generator()


def way(generator, direction, **flags):
    return way_of(resolve(EditSettings, {}, {"direction": str(direction), **flags}), generator)


def test_steps_go_to_both_sides_in_standard_deviations_of_w(generator):
    found = way(generator, "pca:1", strength="3", steps="5", layers="1-2")
    assert found.strengths == (-3, -1.5, 0, 1.5, 3)
    components = directions.pca(generator)
    expected = components.vectors[1] * components.deviations[1]
    torch.testing.assert_close(found.offsets[4, 1], 3 * expected)
    assert (found.offsets[:, [0, 3, 4, 5]] == 0).all() and (found.offsets[2] == 0).all()
    assert found.offsets.shape == (5, NUM_WS, W_DIM)


@pytest.mark.parametrize(
    ("flags", "strengths"),
    [
        ({}, [-2, -4 / 3, -2 / 3, 0, 2 / 3, 4 / 3, 2]),
        ({"steps": "1"}, [2]),
        ({"strengths": "0.5,-1"}, [0.5, -1]),
        ({"strength": "-1", "steps": "3"}, [1, 0, -1]),
    ],
)
def test_strengths(generator, flags, strengths):
    assert way(generator, "sefa:0", **flags).strengths == pytest.approx(strengths)


FILES = {
    "vector.npy": lambda v: v[0],
    "row.npy": lambda v: v[:1],
    "every layer.npy": lambda v: np.repeat(v[:1], NUM_WS, 0),
    "vector.pt": lambda v: torch.from_numpy(v[0]),
    "named.pt": lambda v: {"direction": torch.from_numpy(v[0])},
    "vector.safetensors": lambda v: {"direction": torch.from_numpy(v[0].copy())},
    "doubles.npy": lambda v: v[0].astype(np.float64),
}


def written(path, value):
    if path.suffix == ".npy":
        np.save(path, value)
    elif path.suffix == ".pt":
        torch.save(value, path)
    else:
        save_file(value, path)
    return path


@pytest.fixture
def vectors():
    return np.random.default_rng(0).standard_normal((2, W_DIM)).astype(np.float32)


@pytest.mark.parametrize("name", FILES)
def test_a_direction_of_a_file_in_its_own_length(generator, name, vectors, tmp_path):
    found = way(generator, written(tmp_path / name, FILES[name](vectors)), strengths="0,2")
    expected = torch.from_numpy(vectors[0]).expand(NUM_WS, -1)
    torch.testing.assert_close(found.offsets, torch.stack([0 * expected, 2 * expected]))
    assert found.start is None and len(found.name) == 64


LISTS = {
    "w+.npy": lambda c: c,
    "w.npy": lambda c: c[:, :1],
    "batches.npy": lambda c: c[:, None],
    "list.pt": lambda c: [torch.from_numpy(one[None].copy()) for one in c],
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_codes_is_the_way_from_its_first(generator, name, tmp_path):
    codes = np.random.default_rng(1).standard_normal((4, NUM_WS, W_DIM)).astype(np.float32)
    if name == "w.npy":
        codes = np.repeat(codes[:, :1], NUM_WS, 1)
    path = written(tmp_path / name, LISTS[name](codes))
    found = way(generator, path)
    torch.testing.assert_close(found.start, torch.from_numpy(codes[0]))
    torch.testing.assert_close(found.start + found.offsets, torch.from_numpy(codes))
    half = way(generator, path, strength="0.5", layers="2")
    torch.testing.assert_close(half.offsets[3, 2], torch.from_numpy((codes[3] - codes[0])[2] / 2))
    assert (half.offsets[:, 3] == 0).all() and half.name != found.name


class Bomb:
    def __reduce__(self):
        return (print, ("run",))


def bad_files(place):
    zeros, nan = np.zeros(W_DIM, np.float32), np.full(W_DIM, np.nan, np.float32)
    np.save(place / "long.npy", np.ones(W_DIM + 1, np.float32))
    np.save(place / "layers.npy", np.ones((NUM_WS + 1, W_DIM), np.float32))
    np.save(place / "deep.npy", np.ones((1, 2, 3, 4, W_DIM), np.float32))
    np.save(place / "none.npy", np.ones((0, NUM_WS, W_DIM), np.float32))
    np.save(place / "number.npy", np.float32(1))
    np.save(place / "nan.npy", nan)
    np.save(place / "infinite.npy", nan_to(np.inf))
    np.save(place / "zeros.npy", zeros)
    np.save(place / "words.npy", np.array(["a", "b"]))
    np.save(place / "objects.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    content = (place / "nan.npy").read_bytes()
    (place / "cut.npy").write_bytes(content[:-4])
    (place / "empty.npy").write_bytes(b"")
    (place / "text.npy").write_text("a direction")
    (place / "bomb.pt").write_bytes(pickle.dumps(Bomb()))
    torch.save({"a": torch.ones(W_DIM), "b": torch.ones(W_DIM)}, place / "two.pt")
    torch.save([torch.ones(W_DIM), torch.ones(W_DIM + 1)], place / "uneven.pt")
    torch.save({"a": "b"}, place / "word.pt")


def nan_to(value):
    return np.full(W_DIM, value, np.float32)


BAD = {
    "long.npy": "shape 11", "layers.npy": "shape 7×10", "deep.npy": "shape 1×2×3×4×10", "none.npy": "shape 0×6×10",
    "number.npy": "shape ()", "nan.npy": "not finite", "infinite.npy": "not finite", "zeros.npy": "zeros",
    "words.npy": "objects, records or text", "objects.npy": "objects, records or text", "cut.npy": "cut short",
    "empty.npy": "an empty file", "text.npy": "a text file", "bomb.pt": "asks for", "two.pt": "#NAME",
    "uneven.pt": "several shapes", "word.pt": "where a tensor belongs", "two.pt#c": "#NAME", "nowhere.npy": "no such",
    ".": "no such file",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_told_in_a_line_and_not_run(generator, name, tmp_path, capsys):
    bad_files(tmp_path)
    with pytest.raises(UserError) as caught:
        way(generator, tmp_path / name)
    assert BAD[name] in str(caught.value) and "\n" not in str(caught.value), caught.value
    assert "run" not in capsys.readouterr().out


def test_one_of_several_tensors_is_named(generator, tmp_path):
    bad_files(tmp_path)
    assert way(generator, f"{tmp_path}/two.pt#b", steps="2").offsets.abs().max() == 2


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"direction": f"sefa:{W_DIM}"}, "from 0 to 9"),
        ({"direction": "pca:999999"}, "from 0 to 9"),
        ({"direction": "pca:x"}, "from 0 to 9"),
        ({"direction": "sefa:-1"}, "from 0 to 9"),
        ({"direction": "sefa"}, "from 0 to 9"),
        ({"direction": "pca:0", "layers": "0-6"}, "layers 0 to 5"),
        ({"direction": "pca:0", "layers": "0-99"}, "layers 0 to 5"),
        ({"direction": "pca:0", "layers": "6"}, "layers from 0 to 5"),
        ({"direction": "pca:0", "layers": "3-1"}, "layers: got"),
        ({"direction": "pca:0", "layers": ""}, "layers: got"),
        ({"direction": "pca:0", "layers": "x"}, "layers: got"),
        ({"direction": "pca:0", "steps": "0"}, "steps: got"),
        ({"direction": "pca:0", "steps": "1.5"}, "steps: got"),
        ({"direction": "pca:0", "strength": "nan"}, "strength: got"),
        ({"direction": "pca:0", "strength": "1e9"}, "strength: got"),
        ({"direction": "pca:0", "strengths": "1,x"}, "strengths"),
        ({"direction": "pca:0", "strengths": "1,inf"}, "strengths"),
        ({"direction": "pca:0", "strengths": "1", "steps": "2"}, "one or the other"),
        ({"direction": "pca:0", "seeds": "-1"}, "seeds"),
        ({"direction": "pca:0", "seeds": "3,3"}, "seeds"),
        ({"direction": "pca:0", "seeds": "x"}, "seeds"),
        ({"direction": "pca:0", "seeds": "0-99999999"}, "seeds"),
        ({"direction": "pca:0", "margin": "-1"}, "margin"),
        ({"direction": "pca:0", "threshold": "0"}, "threshold"),
    ],
)  # fmt: skip
def test_bad_settings(generator, flags, words):
    with pytest.raises(UserError, match=words):
        way_of(resolve(EditSettings, {}, flags), generator)


def test_a_list_has_its_own_steps(generator, tmp_path):
    np.save(tmp_path / "list.npy", np.ones((3, NUM_WS, W_DIM), np.float32))
    for flags in ({"steps": "5"}, {"strengths": "1"}):
        with pytest.raises(UserError, match="leave out --steps"):
            way(generator, tmp_path / "list.npy", **flags)


def test_seeds_may_be_ranges():
    assert resolve(EditSettings, {}, {"direction": "pca:0", "seeds": "0-2,7"}).seeds == (0, 1, 2, 7)
