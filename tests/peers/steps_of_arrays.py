"""Steps of random programs that arrange elements: shapes, joining, indexing and assignment."""

import numpy as np
from steps import Written, both, step

# Shapes


@both
def reshape(draw):
    a = draw.value()
    n = draw.size(a)
    first = draw.one([k for k in range(1, n + 1) if n % k == 0])
    return Written(f"f.reshape({a}, {draw.one([(-1,), (first, -1), (first, n // first), (1, n)])})")


@both
def permuted(draw):
    a = draw.value(2)
    return Written(f"f.transpose({a}, {draw.order(draw.ndim(a))})")


@both
def swapaxes(draw):
    a = draw.value(1)
    return Written(f"f.{draw.one(['swapaxes', 'moveaxis'])}({a}, {draw.axis(a)}, {draw.axis(a)})")


@both
def expand_dims(draw):
    a = draw.value(0, 3)
    return Written(f"f.expand_dims({a}, {draw.between(-draw.ndim(a) - 1, draw.ndim(a))})")


@both
def squeeze(draw):
    return Written(f"f.squeeze({draw.value()})")


@both
def broadcast_to(draw):
    a = draw.value(0, 3)
    wide = tuple(draw.one([2, 3]) if n == 1 else n for n in draw.shape(a))
    return Written(f"f.broadcast_to({a}, {(draw.one([1, 2, 3]), *wide)})")


@both
def roll(draw):
    a = draw.value(1)
    return Written(f"f.roll({a}, {draw.between(-2, 3)}, axis={draw.one([None, draw.axis(a)])})")


@both
def triangle(draw):
    a = draw.value(2)
    return Written(f"f.{draw.one(['tril', 'triu'])}({a}, {draw.between(-1, 1)})")


@both
def diagonal(draw):
    a = draw.value(2, 3)
    i, j = draw.order(draw.ndim(a))[:2]
    return Written(f"f.diagonal({a}, 0, {i}, {j})")


@both
def vander(draw):
    a = draw.value()
    return Written(f"f.vander(f.ravel({a})[:3], 3)", (a,))


@both
def diag(draw):
    return Written(f"f.diag({draw.value(1, 2)})")


@both
def rot90(draw):
    return Written(f"f.rot90({draw.value(2)}, {draw.between(-1, 3)})")


@both
def tile(draw):
    a = draw.value(0, 2)
    return Written(f"f.tile({a}, {draw.one([2, (2, 1), (1, 2), (2, 1, 2)])})")


@both
def repeat(draw):
    a = draw.value(1)
    return Written(f"f.repeat({a}, 2, axis={draw.axis(a)})")


@both
def pad(draw):
    a = draw.value(1, 2)
    widths = [(draw.between(0, 1), draw.between(0, 2)) for _ in draw.shape(a)]
    return Written(f"f.pad({a}, {widths}, constant_values={draw.one([0, 0.5])})")


# Joining


@both
def concatenate(draw):
    a = draw.value(1)
    b = draw.of_shape(draw.shape(a))
    return Written(f"f.concatenate([{a}, {b}, {a}], axis={draw.axis(a)})")


@both
def stack(draw):
    a = draw.value(0, 3)
    b = draw.of_shape(draw.shape(a))
    return Written(f"f.stack([{a}, {b}], axis={draw.between(-draw.ndim(a) - 1, draw.ndim(a))})")


@both
def stacked_by_side(draw):
    a = draw.value(1, 2)
    b = draw.of_shape(draw.shape(a))
    name = draw.one(["hstack", "vstack", "dstack", "column_stack"])
    return Written(f"f.{name}([{a}, {b}])")


@both
def split(draw):
    a, axis = draw.with_axis(2)
    return Written(f"f.split_at({a}, [1], axis={axis})[{draw.one([0, 1, -1])}]")


@both
def unstack(draw):
    a, axis = draw.with_axis(2)
    return Written(f"f.unstack({a}, axis={axis})[1] * f.unstack({a}, axis={axis})[0]")


@both
def meshgrid(draw):
    a, b = draw.value(1, 1), draw.value(1, 1)
    return Written(f"f.meshgrid({a}, {b}, indexing={draw.one(['xy', 'ij'])!r})[{draw.one([0, 1])}]")


# Indexing


@both
def getitem(draw):
    a = draw.value(1)
    return Written(f"f.getitem({a}, {draw.index(draw.shape(a), repeats=True)})")


@both
def setitem(draw):
    a = draw.value(1)
    index = draw.index(draw.shape(a), repeats=False)
    b = draw.of_shape(draw.shape_of(f"np.zeros({draw.shape(a)})[{index}]"))
    return Written(f"f.setitem({a}, {index}, {b})")


@both
def setitem_of_number(draw):
    a = draw.value(1)
    return Written(f"f.setitem({a}, {draw.index(draw.shape(a), repeats=False)}, 0.5)")


@both
def setitem_of_itself(draw):
    a, axis = draw.with_axis(2)
    cut = ":, " * (axis % draw.ndim(a))
    return Written(f"f.setitem({a}, np.s_[{cut}1:], f.getitem({a}, np.s_[{cut}:-1]) * 0.9)")


@both
def take(draw):
    a, axis = draw.with_axis(1)
    rows = [draw.between(0, draw.shape(a)[axis] - 1) for _ in range(3)]
    return Written(f"f.take({a}, np.array({rows}), axis={axis})")


@both
def take_along_axis(draw):
    a = draw.value(2, 2)
    rows = draw.integers((draw.shape(a)[0], 2), draw.shape(a)[1])
    return Written(f"f.take_along_axis({a}, {rows}, 1)")


@both
def where_mask(draw):
    a = draw.value()
    b = draw.beside(a)
    return Written(f"f.where({draw.mask(draw.shape(a))}, {a}, {b})")


# Putting in, taking out


@both
def append(draw):
    a = draw.value(1, 3)
    axis = draw.one([None, draw.axis(a)])
    return Written(f"f.append({a}, {draw.of_shape(draw.shape(a))}, axis={axis})")


@both
def insert(draw):
    a, axis = draw.with_axis(1)
    n = draw.shape(a)[axis]
    return Written(f"f.insert({a}, {draw.between(0, n)}, {draw.value(0, 0)}, axis={axis})")


@both
def delete(draw):
    a, axis = draw.with_axis(2)
    return Written(f"f.delete({a}, {draw.between(0, draw.shape(a)[axis] - 1)}, axis={axis})")


@both
def block(draw):
    a = draw.value(2, 2)
    b = draw.of_shape(draw.shape(a))
    return Written(f"f.block([[{a}, {b}], [{b}, 0.5 * {a}]])")


@both
def split_in_parts(draw):
    a = draw.value(1, 3)
    name = draw.one(["hsplit", "vsplit", "dsplit"][: draw.ndim(a)])
    axis = {"hsplit": 0 if draw.ndim(a) == 1 else 1, "vsplit": 0, "dsplit": 2}[name]
    if draw.shape(a)[axis] < 2 or (name == "vsplit" and draw.ndim(a) < 2):
        return None
    return Written(f"f.{name}({a}, [1])[{draw.one([0, 1])}]")


@both
def select(draw):
    a = draw.value()
    shape = draw.shape(a)
    b = draw.of_shape(shape)
    conditions = f"[{draw.mask(shape)}, {draw.mask(shape)}]"
    return Written(f"f.select({conditions}, [{a} * {b}, {b}], 0.25)")


@both
def compress(draw):
    a, axis = draw.with_axis(2)
    n = draw.shape(a)[axis]
    kept = [True, *(bool(draw.between(0, 1)) for _ in range(n - 1))]
    return Written(f"f.compress({kept}, {a}, axis={axis})")


@both
def diagflat(draw):
    return Written(f"f.diagflat({draw.value(0, 1)}, {draw.between(-1, 1)})")


@both
def matrix_transpose(draw):
    return Written(f"f.matrix_transpose({draw.value(2)})")


@both
def cumulative_sum(draw):
    a = draw.value(1)
    return Written(f"0.5 * f.cumulative_sum({a}, axis={draw.axis(a)}, include_initial=True)")


@both
def vecmat(draw):
    a = draw.value(2)
    return Written(f"f.vecmat({draw.of_shape((draw.shape(a)[-2],))}, {a})")


@both
def dot(draw):
    a = draw.value(1, 3)
    n = draw.shape(a)[-1]
    return Written(f"f.dot({a}, {draw.of_shape(draw.one([(n,), (n, 2), (2, n, 1)]))})")


@both
def pad_by_mirror(draw):
    a = draw.value(1, 2)
    modes = ["edge", "wrap", *(["reflect", "symmetric"] if min(draw.shape(a)) > 1 else [])]
    return Written(f"f.pad({a}, {[(draw.between(0, 1), 1) for _ in draw.shape(a)]},"
                   f" mode={draw.one(modes)!r})")  # fmt: skip


# With numbers that are left out


@step
def with_nan_left_out(draw):
    a, axis = draw.with_axis(2)
    shape = draw.shape(a)
    some = draw.rng.random(shape) < 0.3
    some[(slice(None),) * (axis % len(shape)) + (0,)] = False  # something is left everywhere
    where = f"f.where(np.array({some.tolist()}), np.nan, {a})"
    name = draw.one(["nansum", "nanmean", "nanprod", "nanvar", "nancumsum", "nancumprod"])
    return Written(f"f.{name}({where}, axis={axis})")


@step
def extreme_with_nan_left_out(draw):
    a, axis = draw.with_axis(2)
    rows = draw.shape(a)
    first = np.indices(rows)[axis % len(rows)] == draw.between(0, rows[axis] - 1)
    where = f"f.where(np.array({first.tolist()}), np.nan, {a})"
    gaps = f"np.diff(np.sort({a}, {axis}), axis={axis})"
    return Written(f"f.{draw.one(['nanmax', 'nanmin'])}({where}, axis={axis})", (gaps,))


@step
def divided_with_remainder(draw):
    a = draw.value()
    return Written(f"{a} * f.divmod({a}, 0.75)[0] - f.divmod({a}, 0.75)[1]",
                   (f"{a} / 0.75 - np.rint({a} / 0.75)",))  # fmt: skip


@step
def partition(draw):
    """Its element in the place that was asked for: the order of the others is nobody's promise."""
    a, axis = draw.with_axis(2)
    i = draw.between(0, draw.shape(a)[axis] - 1)
    gaps = f"np.diff(np.sort({a}, {axis}), axis={axis})"
    return Written(
        f"f.take(f.partition({a}, {i}, axis={axis}), np.array([{i}]), axis={axis})", (gaps,)
    )
