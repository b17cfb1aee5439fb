"""tg.save and tg.load: what comes back, what is refused, and that a crash harms nothing."""

import json
import math
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import archive, nn, optim
from tinygraph.errors import (
    ArgumentError,
    DetachError,
    DTypeError,
    SavingError,
    ShapeError,
    TinygraphError,
)

ROOT = Path(__file__).parents[1]
FORMATS = (".npz", ".safetensors")


@pytest.fixture(params=FORMATS)
def path(request, tmp_path):
    return tmp_path / f"run{request.param}"


def build(seed=0):
    nn.seed(seed)
    return nn.Sequential(nn.Dense(3, 4, "relu"), nn.BatchNorm(4), nn.Dropout(0.5), nn.Dense(4, 2))


X = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)


def train(model, optimizer, steps=3):
    for _ in range(steps):
        optimizer.minimize(lambda: (model(X) ** 2).mean())


def same(a, b):
    """Equal in kind, dtype and value, through lists and dicts; NaN equals NaN."""
    assert type(a) is type(b), (a, b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            same(one, other)
    elif isinstance(a, (np.ndarray, np.generic)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes()
    elif isinstance(a, (float, complex)):
        assert np.array(a).tobytes() == np.array(b).tobytes()
    elif isinstance(a, np.random.Generator):
        same(a.bit_generator.state, b.bit_generator.state)
    else:
        assert a == b


# What comes back


def test_a_run_comes_back_in_place(path):
    model, rng = build(), np.random.default_rng(3)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    train(model, optimizer)
    assert tg.save(path, model=model, optimizer=optimizer, rng=rng, epoch=3, best=0.1) == path
    expected = [model.state_dict(), optimizer.state_dict(), rng.random(4)]
    train(model, optimizer)
    later = model.state_dict()

    other, fresh = build(seed=1), np.random.default_rng(4)
    leaves, another = list(other.parameters()), optim.Adam(other.parameters(), lr=0.5)
    rest = tg.load(path, model=other, optimizer=another, rng=fresh)
    assert rest == {"epoch": 3, "best": 0.1}
    same([other.state_dict(), another.state_dict(), fresh.random(4)], expected)
    assert all(a is b for a, b in zip(leaves, other.parameters(), strict=True))
    train(other, another)  # the masks of dropout come from its generator
    same(other.state_dict(), later)


def test_by_position(path):
    model = build()
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    tg.save(path, model, optimizer, 3, epoch=5)
    other = build(1)
    rest = tg.load(path, other)
    same(other.state_dict(), model.state_dict())
    same(rest, {1: optimizer.state_dict(), 2: 3, "epoch": 5})


def test_without_objects_it_is_a_dict(path):
    model = build()
    tg.save(path, model=model, epoch=1)
    saved = tg.load(path)
    assert list(saved) == ["model", "model.generators", "epoch"]
    same(saved["model"], model.state_dict())
    same(saved["model.generators"], dict(model.named_generators()))
    other = build(1)
    other.load_state_dict(saved["model"])
    saved["model"]["0.weight"][:] = 0  # arrays to be written to
    same(other.state_dict(), model.state_dict())


VALUES = {
    "none": None,
    "true": True,
    "int": -(2**200),
    "text": "ẞ \0 \"'\n🙂 \ud83d",
    "floats": [0.1, 1e-320, -0.0, 1e308, math.nan, math.inf, -math.inf],
    "complex": (1 + 2j, complex(math.nan, -0.0)),
    "nested": {"a": [(), [], {}, (1, [2, {"b": (None,)}])]},
    "keys": {1: "int", "1": "str", (2, "x"): "tuple", None: 0, 2.5: 1, False: 2},
    "kinds": {"array": 1, "dict": {"tuple": []}, "object": "Sequential", "": 3},
    "scalars": [np.float32(0.1), np.int8(-3), np.bool_(True), np.complex64(1j), np.float64("nan")],
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name, path):
    value = VALUES[name]
    tg.save(path, value, value=value)
    same(tg.load(path), {0: value, "value": value})


FORTRAN = np.asfortranarray(np.arange(6.0).reshape(2, 3))
ARRAYS = {
    **{f"of {char}": np.array([[0, 1], [2, 3]]).astype(char) for char in "?bBhHiIlLqQefdFD"},
    "0-d": np.array(2.5),
    "0-d complex": np.array(2.5 + 1j),
    "empty": np.zeros((0, 3), np.float32),
    "empty complex": np.zeros((3, 0), np.complex64),
    "Fortran": FORTRAN,
    "Fortran complex": FORTRAN * 1j,
    "strided": np.arange(20)[3::4],
    "backwards": np.arange(5.0)[::-1],
    "transposed part": np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1)[1:, :, ::2],
    "broadcast": np.broadcast_to(np.float32(3), (2, 3)),
    "not to be written to": np.arange(3),
    "special": np.array([np.nan, -np.nan, np.inf, -0.0, 5e-324]),
    "many axes": np.ones((1,) * 20),
}
ARRAYS["not to be written to"].flags.writeable = False


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name, path):
    array = ARRAYS[name]
    tg.save(path, {"x": [array]})
    (loaded,) = tg.load(path)[0]["x"]
    assert type(loaded) is np.ndarray
    assert (loaded.dtype, loaded.shape) == (array.dtype, array.shape)
    assert loaded.flags.writeable
    assert loaded.tobytes() == array.tobytes()  # in the order of its axes, however it lies


def test_arrays_of_the_other_byte_order(path):
    array = np.arange(6.0).reshape(2, 3)
    tg.save(path, array.astype(">f8"), (array * 1j).astype(">c16"))
    loaded = tg.load(path)
    same(loaded, {0: array, 1: array * 1j})


def test_subclasses_are_saved_as_arrays(path):
    class Image(np.ndarray):
        pass

    tg.save(path, x=np.ones((2, 3)).view(Image))
    same(tg.load(path), {"x": np.ones((2, 3))})


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "SFC64", "Philox", "MT19937"])
def test_generators(kind, path):
    rng = np.random.Generator(getattr(np.random, kind)(5))
    rng.integers(0, 9, 3, np.uint8)  # leaves half a word behind
    tg.save(path, rng=rng)
    expected = (rng.integers(0, 9, 5, np.uint8).tolist(), rng.normal(size=5).tolist())
    other = np.random.Generator(getattr(np.random, kind)(6))
    assert tg.load(path, rng=other) == {}
    loaded = tg.load(path)["rng"]
    for one in (other, loaded):
        assert (one.integers(0, 9, 5, np.uint8).tolist(), one.normal(size=5).tolist()) == expected


def test_tensors_and_arrays_in_place(path):
    w, b, kept = tg.Variable([1.0, 2.0], name="w"), tg.Variable(3.0), np.arange(3)
    tg.save(path, parameters={"w": w, "b": [b]}, kept=kept, constant=tg.tensor([True]))
    w.assign([0.0, 0.0])
    b.assign(0.0)
    kept[:] = 0
    rest = tg.load(path, parameters={"w": w, "b": [b]}, kept=kept)
    assert (w.tolist(), b.item(), kept.tolist()) == ([1, 2], 3, [0, 1, 2])
    same(rest, {"constant": np.array([True])})
    assert w.requires_grad


def test_objects_in_lists_and_dicts(path):
    models = {"generator": build(0), "critics": [build(1), build(2)]}
    tg.save(path, models=models)
    others = {"generator": build(3), "critics": (build(4), build(5))}
    assert tg.load(path, models=others) == {}
    same(others["critics"][1].state_dict(), models["critics"][1].state_dict())
    same(tg.load(path)["models"]["critics"][0], models["critics"][0].state_dict())


class Schedule:
    """Neither of nn nor of optim: what counts is that it has a state."""

    def __init__(self):
        self.state = {"step": 0, "moments": {"m": [np.zeros(2), (1, 2.5)]}, "best": math.inf}

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        if state["step"] < 0:
            self.state = {}  # half done
            raise ValueError("a negative step")
        self.state = state


def test_any_object_with_a_state(path):
    schedule, other = Schedule(), Schedule()
    schedule.state["step"] = 7
    tg.save(path, schedule)
    tg.load(path, other)
    same(other.state, schedule.state)


def test_names_that_could_meet(path):
    a, b = np.zeros(2), np.ones(3)
    tricky = {"a.b": a, "a": {"b": b}, "\0": a, "0": b, "__metadata__": a, "../x": b, "file": a}
    tg.save(path, tricky, **{"__metadata__": a, "0": tricky})
    same(tg.load(path), {0: tricky, "__metadata__": a, "0": tricky})
    assert os.listdir(path.parent) == [path.name]


# The file


def test_the_suffix_chooses_and_the_content_tells(tmp_path):
    def zipped(name):
        tg.save(tmp_path / name, x=1)
        assert tg.load(tmp_path / name) == {"x": 1}
        return zipfile.is_zipfile(tmp_path / name)

    assert [zipped(name) for name in ("a.npz", "a.NPZ", "a.safetensors", "a", "a.tg")] == [
        True, True, False, False, False,
    ]  # fmt: skip
    for name in ("a.npz", "a.safetensors"):
        os.replace(tmp_path / name, tmp_path / "other.bin")
        assert tg.load(str(tmp_path / "other.bin")) == {"x": 1}


def test_without_safetensors(tmp_path, monkeypatch):
    tg.save(tmp_path / "old.safetensors", x=1)
    monkeypatch.setattr(archive, "find_spec", lambda name: None)
    tg.save(tmp_path / "run", x=1)
    assert zipfile.is_zipfile(tmp_path / "run")
    install = r'pip install "tinygraph-autodiff\[safetensors\]"'
    with pytest.raises(ArgumentError, match=rf"save: 'run.safetensors' .*{install}.*\.npz"):
        tg.save(tmp_path / "run.safetensors", x=1)
    with pytest.raises(ArgumentError, match=f"load: .*{install}"):
        tg.load(tmp_path / "old.safetensors")
    assert sorted(os.listdir(tmp_path)) == ["old.safetensors", "run"]


def test_other_programs_can_read_the_arrays(tmp_path):
    from safetensors.numpy import load_file

    model = nn.Dense(2, 3)
    tg.save(tmp_path / "a.npz", model=model)
    tg.save(tmp_path / "a.safetensors", model=model)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["model.weight"], model.weight.numpy())
    arrays = load_file(tmp_path / "a.safetensors")
    assert list(arrays) == ["model.bias", "model.weight"]
    np.testing.assert_array_equal(arrays["model.weight"], model.weight.numpy())


def test_the_same_content_gives_the_same_bytes(path):
    model = build()
    tg.save(path, model=model, history=[1.0, 2.0])
    first = path.read_bytes()
    tg.save(path, model=model, history=[1.0, 2.0])
    assert path.read_bytes() == first


# What is refused


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (object(), ArgumentError, "a.0 is of type object.*can keep"),
        ({1, 2}, ArgumentError, "of type set"),
        (b"", ArgumentError, "of type bytes"),
        (nn.ReLU, ArgumentError, r"the class ReLU; .*ReLU\(…\)"),
        (np.random.RandomState(0), ArgumentError, "of type RandomState"),
        (np.array([None]), DTypeError, "an array of object"),
        (np.array(["x"]), DTypeError, "an array of <U1.*tolist"),
        (np.zeros(2, "M8[s]"), DTypeError, r"an array of datetime64"),
        (np.zeros(2, [("x", "f8")]), DTypeError, "an array of"),
        (np.ma.masked_array([1.0], [True]), DTypeError, "a masked array.*filled"),
        (np.longdouble(1), DTypeError, "another one on other machines.*np.float64"),
        (tg.Variable(1.0) * 2, DetachError, "result of multiply.*detach"),
    ],
)
def test_what_cannot_be_kept_is_named(value, error, words, path):
    path.write_text("the old one")
    with pytest.raises(error, match=f"save: .*{words}"):
        tg.save(path, a=[value], b={"deep": value})
    assert path.read_text() == "the old one"
    assert os.listdir(path.parent) == [path.name]


def test_wrong_calls(path):
    model = build()
    with pytest.raises(ArgumentError, match=r"save: the path comes first.*Sequential"):
        tg.save(model, path)
    with pytest.raises(ArgumentError, match=r"load: the path comes first.*Sequential"):
        tg.load(model)
    with pytest.raises(ArgumentError, match="nothing came to be saved"):
        tg.save(path)
    with pytest.raises(ArgumentError, match="has a dot"):
        tg.save(path, **{"model.generators": 1})
    with pytest.raises(FileNotFoundError, match=r"no folder .*missing"):
        tg.save(path.parent / "missing" / "run", model)
    with pytest.raises(FileNotFoundError):
        tg.load(path)


@pytest.mark.parametrize(
    ("targets", "error", "words"),
    [
        ({"modle": build()}, SavingError, "'modle'; did you mean 'model'"),
        ({"epoch": 0}, ArgumentError, "epoch is 0, which cannot be changed in place"),
        ({"model": nn.Sequential}, ArgumentError, "the class Sequential"),
        ({"model": nn.Dense(3, 4)}, SavingError, "type Sequential, and .* type Dense"),
        ({"model": [build()]}, SavingError, "type Sequential, and a list"),
        ({"epoch": build()}, SavingError, "saved as 3, and .* Sequential"),
        ({"w": np.zeros(3)}, SavingError, r"shape \(2,\) .* shape \(3,\)"),
        ({"w": np.zeros(2, int)}, SavingError, "dtype float64, and .* dtype int64"),
        ({"w": tg.Variable([1.0, 2.0]) * 2}, ArgumentError, "multiply.*only a leaf"),
        ({"w": np.broadcast_to(1.0, 2)}, ArgumentError, "not to be written to"),
        ({"rng": np.random.Generator(np.random.SFC64(0))}, SavingError, "PCG64, and .* SFC64"),
        ({"pair": [np.zeros(1)]}, SavingError, r"list of \[0, 1\], and a list of \[0\]"),
        ({"pair": {0: np.zeros(1), 1: np.zeros(1)}}, SavingError, "and a dict"),
    ],
)
def test_what_does_not_fit_is_named(targets, error, words, path):
    model = build()
    pair = [np.zeros(1), np.zeros(1)]
    named = {"rng": np.random.default_rng(0), "w": np.ones(2), "pair": pair, "epoch": 3}
    tg.save(path, model=model, **named)
    w = np.zeros(2)
    with pytest.raises(error, match=f"load: .*{words}"):
        tg.load(path, **{"w": w, **targets})
    assert not w.any()


def test_by_name_or_by_position(path):
    tg.save(path, model=build(), epoch=1)
    with pytest.raises(SavingError, match=r"nothing was saved at position 0.*model=…, epoch=…"):
        tg.load(path, build())
    tg.save(path, build())
    with pytest.raises(SavingError, match="position 1, the file holds 0"):
        tg.load(path, build(), build())


def test_all_or_nothing(path):
    model, schedule, rng = build(), Schedule(), np.random.default_rng(0)
    w, kept = tg.Variable([1.0]), np.ones(2)
    schedule.state["step"] = -1
    run = {"model": model, "w": w, "kept": kept, "rng": rng, "schedule": schedule}
    tg.save(path, **run)
    train(model, optim.SGD(model.parameters(), lr=0.1))
    schedule.state = {"step": 1}
    w.assign([5.0])
    kept[:] = 5
    rng.random()

    def now():
        generators = [*dict(model.named_generators()).values(), rng]
        states = [str(generator.bit_generator.state) for generator in generators]
        return [model.state_dict(), states, w.tolist(), kept.tolist(), dict(schedule.state)]

    before = now()
    with pytest.raises(ValueError, match="a negative step") as caught:
        tg.load(path, **run)
    assert "schedule refused" in caught.value.__notes__[-1]
    same(now(), before)
    wider = nn.Sequential(nn.Dense(3, 5), *build()[1:])
    with pytest.raises(ShapeError, match=r"'0.weight' has shape \(3, 5\)") as caught:
        tg.load(path, w=w, kept=kept, model=wider)
    assert "model refused" in caught.value.__notes__[-1]
    same(now(), before)


def test_a_model_that_draws_otherwise_is_refused(path):
    tg.save(path, nn.Sequential(nn.Dropout(0.5), nn.ReLU()))
    for other in ([nn.ReLU(), nn.Dropout(0.5)], [nn.Dropout(0.5, generator=1), nn.ReLU()]):
        with pytest.raises(SavingError, match=r"Sequential draws from .*0.generator \(SFC64\)"):
            tg.load(path, nn.Sequential(other))


# Files that are not whole, or of others


def test_a_file_cut_short_is_noticed(path):
    tg.save(path, model=nn.Dense(2, 2), epoch=3)
    whole = path.read_bytes()
    model = nn.Dense(2, 2)
    before = model.state_dict()
    ends = (*range(80), *range(80, len(whole), 17), *range(len(whole) - 80, len(whole)))
    for size in ends:
        path.write_bytes(whole[:size])
        with pytest.raises(SavingError, match="load: "):
            tg.load(path, model=model)
    same(model.state_dict(), before)


def test_damage_is_noticed_or_harmless(path):
    tg.save(path, w=np.ones(2), epoch=3)
    whole = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for place in rng.permutation(len(whole))[:200]:
        damaged = whole.copy()
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            loaded = tg.load(path)
        except SavingError:
            continue
        same(loaded, {"w": np.ones(2), "epoch": 3})


def test_foreign_files(path, tmp_path):
    from safetensors.numpy import save_file

    if path.suffix == ".npz":
        np.savez(path, w=np.ones(2))
    else:
        save_file({"w": np.ones(2)}, path)
    reader = "np.load" if path.suffix == ".npz" else "safetensors.numpy.load_file"
    with pytest.raises(SavingError, match=f"not written by tg.save; {reader} may read it"):
        tg.load(path)
    for content in (b"", b"text", pickle.dumps(1), b"\0" * 100, b"PK", b"12345678{" + b" " * 99):
        path.write_bytes(content)
        with pytest.raises(SavingError, match="load: "):
            tg.load(path)


def rewritten(path, change):
    """The file with another text in it, written by hand."""
    tg.save(path, x=1)
    arrays, text = archive.read(path)
    archive.write(path, arrays, change(json.loads(text)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: json.dumps(content | {"format": 2}), "format 2, .* reads format 1; upgr"),
        (lambda content: json.dumps({}), "damaged"),
        (lambda content: "[" * 100_000, "damaged"),
        (lambda content: json.dumps(content | {"named": {"x": {"eval": "1"}}}), "damaged"),
        (lambda content: json.dumps(content | {"named": {"x": {}}}), "damaged"),
        (lambda content: json.dumps(content | {"named": {"x": {"array": "x"}}}), "damaged"),
        (
            lambda content: json.dumps(
                content | {"named": {"x": {"generator": {"dict": {"bit_generator": "seed"}}}}}
            ),
            "damaged",
        ),
    ],
)
def test_other_texts(change, words, path):
    rewritten(path, change)
    with pytest.raises(SavingError, match=words):
        tg.load(path)


def test_pickles_are_not_read(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    tg.save(tmp_path / "run.npz", x=np.ones(2))
    array = np.empty(1, object)
    array[0] = Trap()
    with zipfile.ZipFile(tmp_path / "run.npz") as file:
        text = file.read("tinygraph.json")
    with zipfile.ZipFile(tmp_path / "run.npz", "w") as file:
        file.writestr("tinygraph.json", text)
        with file.open("x.npy", "w") as part:
            np.lib.format.write_array(part, array, allow_pickle=True)
    with pytest.raises(SavingError, match="allow_pickle=False"):
        tg.load(tmp_path / "run.npz")
    assert os.listdir(tmp_path) == ["run.npz"]


def test_saving_errors_are_value_errors():
    assert issubclass(SavingError, (TinygraphError, ValueError))


# A crash


def test_an_error_leaves_the_old_file_and_no_draft(path, monkeypatch):
    tg.save(path, x=1)

    def full(*args, **kwargs):
        raise OSError("disk full")

    for module, name in ((os, "replace"), (os, "fsync")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, full)
            with pytest.raises(OSError, match="disk full"):
                tg.save(path, x=2)
        assert tg.load(path) == {"x": 1}
        assert os.listdir(path.parent) == [path.name]


def test_the_content_is_on_disk_before_the_name_is(path, monkeypatch):
    calls, sync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (calls.append("fsync"), sync(file))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("replace"), replace(a, b))[1])
    tg.save(path, x=1)
    assert calls[:2] == ["fsync", "replace"]


def test_a_link_stays_a_link(path):
    link = path.with_name(f"link{path.suffix}")
    path.touch()
    link.symlink_to(path)
    tg.save(link, x=1)
    assert link.is_symlink()
    assert tg.load(path) == {"x": 1}


def started(*arguments):
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def killed_when_it_says(word, process):
    with process:
        assert process.stdout.readline().strip() == word
        process.kill()
    assert process.returncode != 0


HANGING = """
import os, signal, sys, numpy as np, tinygraph as tg
def hang(*args):
    print("hanging", flush=True)
    signal.pause()
setattr(os, sys.argv[2], hang)
tg.save(sys.argv[1], x=np.zeros(100_000), version=2)
"""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_killed_while_saving(moment, path):
    tg.save(path, version=1)
    killed_when_it_says("hanging", started("-c", HANGING, path, moment))
    assert tg.load(path) == {"version": 1}
    tg.save(path, version=3)
    assert tg.load(path) == {"version": 3}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    script = Path(__file__).with_name("resumable_training.py")
    with started(script, folder / "checkpoint", folder / "final", 1):
        pass
    return tg.load(folder / "final")


def test_a_killed_run_goes_on_to_the_same_end(path, uninterrupted):
    script, final = Path(__file__).with_name("resumable_training.py"), path.with_name("final")
    killed_when_it_says("hanging", started(script, path, final, 1, "--hang"))
    assert tg.load(path)["step"] == 10
    assert not final.exists()
    # Other seeds, so that all it goes on with comes from the checkpoint.
    with started(script, path, final, 2):
        pass
    same(tg.load(final), uninterrupted)
