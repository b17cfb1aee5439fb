"""Steps of random programs that layers, losses and statistics are made of."""

from steps import Written, step

# Layers and losses


@step
def conv1d(draw):
    x = draw.of_shape((2, 2, draw.between(3, 5)))
    return Written(f"f.conv1d({x}, {draw.of_shape((2, 2, 2))}, padding={draw.between(0, 1)})")


@step
def conv2d(draw):
    x = draw.of_shape((1, 2, draw.between(3, 4), draw.between(3, 4)))
    kernel = draw.of_shape((2, 2, draw.one([1, 2, 3]), 2))
    return Written(
        f"f.conv2d({x}, {kernel}, stride={draw.between(1, 2)}, padding={draw.between(0, 1)})"
    )


@step
def conv_transpose2d(draw):
    kernel = draw.of_shape((2, 2, 2, 2))
    x = draw.of_shape((1, 2, 2, 3))
    return Written(f"f.conv_transpose2d({x}, {kernel}, stride={draw.between(1, 2)})")


@step
def max_pool2d(draw):
    x = draw.of_shape((1, 2, draw.between(3, 4), 4))
    return Written(f"f.max_pool2d({x}, 2, stride={draw.between(1, 2)})",
                   (f"np.diff(np.sort({x}, None))",))  # fmt: skip


@step
def avg_pool2d(draw):
    x = draw.of_shape((1, 2, draw.between(3, 4), 4))
    return Written(f"f.avg_pool2d({x}, {draw.between(2, 3)}, stride={draw.between(1, 2)})")


@step
def layer_norm(draw):
    a = draw.value(2)
    n = draw.shape(a)[-1]
    calm = f"({a} + f.sin(2 * {a}))"
    spread = f"0.01 * np.std({calm.replace('f.', 'np.')}, -1)"
    gamma, beta = draw.of_shape((n,)), draw.of_shape((n,))
    return Written(f"f.layer_norm({calm}, {gamma}, {beta})", (spread,))


@step
def group_norm(draw):
    x = draw.of_shape((2, 4, 3))
    spread = f"0.01 * np.std({x}.reshape(2, 2, 6), -1)"
    gamma, beta = draw.of_shape((4,)), draw.of_shape((4,))
    return Written(f"f.group_norm({x}, {gamma}, {beta}, 2)", (spread,))


@step
def softmax_cross_entropy(draw):
    a = draw.value(2, 2)
    m, n = draw.shape(a)
    if n < 2:
        return None
    rest = draw.one(["", ", reduction='sum'", ", label_smoothing=0.1"])
    return Written(f"f.softmax_cross_entropy(1.5 * {a}, {draw.integers((m,), n)}{rest})")


@step
def sigmoid_cross_entropy(draw):
    a = draw.value(1)
    return Written(f"f.sigmoid_cross_entropy(1.5 * {a}, 1.0 * {draw.mask(draw.shape(a))})")


@step
def mean_squared_error_of_two(draw):
    a = draw.value(1)
    return Written(f"f.mean_squared_error({a}, {draw.of_shape(draw.shape(a))})")


@step
def kl_divergence(draw):
    a = draw.value(2, 2)
    b = draw.of_shape(draw.shape(a))
    return Written(f"f.kl_divergence(f.softmax({a}, axis=-1), f.softmax({b}, axis=-1))")


@step
def attention(draw):
    q, k, v = (draw.of_shape((2, n, 2)) for n in (3, 2, 2))
    return Written(f"f.scaled_dot_product_attention({q}, {k}, {v})")


@step
def cov(draw):
    return Written(f"f.cov({draw.value(2, 2)}, ddof=0)")


@step
def average(draw):
    a = draw.value(2, 2)
    w = draw.of_shape((draw.shape(a)[1],))
    return Written(f"f.average({a}, 1, weights=f.softplus({w}))")


@step
def conv2d_in_groups(draw):
    x = draw.of_shape((1, 4, 3, 4))
    kernel, bias = draw.of_shape((4, 2, 2, 2)), draw.of_shape((4,))
    return Written(f"f.conv2d({x}, {kernel}, {bias}, groups=2, padding={draw.between(0, 1)})")


@step
def conv2d_dilated(draw):
    x = draw.of_shape((1, 2, 4, 4))
    kernel = draw.of_shape((1, 2, 2, 2))
    return Written(f"f.conv2d({x}, {kernel}, dilation=2, padding={draw.between(0, 2)})")


@step
def conv_transpose1d(draw):
    x, kernel = draw.of_shape((2, 2, 3)), draw.of_shape((2, 2, 2))
    return Written(f"f.conv_transpose1d({x}, {kernel}, stride={draw.between(1, 2)})")


@step
def pool1d(draw):
    x = draw.of_shape((2, 2, draw.between(4, 5)))
    name = draw.one(["max_pool1d", "avg_pool1d"])
    return Written(
        f"f.{name}({x}, 2, stride={draw.between(1, 2)})", (f"np.diff(np.sort({x}, None))",)
    )


@step
def global_pool(draw):
    x = draw.of_shape((2, 2, 3, 3))
    name = draw.one(["global_avg_pool", "global_max_pool"])
    return Written(f"f.{name}({x})", (f"np.diff(np.sort({x}, None))",))


@step
def batch_norm(draw):
    a = draw.of_shape(draw.one([(4, 3), (3, 2), (2, 3, 4)]))
    n = draw.shape(a)[1]
    axes = tuple(i for i in range(draw.ndim(a)) if i != 1)
    return Written(f"f.batch_norm({a}, {draw.of_shape((n,))}, {draw.of_shape((n,))})",
                   (f"0.01 * np.std({a}, {axes})",))  # fmt: skip


@step
def rnn_step(draw):
    x, h = draw.of_shape((2, 3)), draw.of_shape((2, 3))
    return Written(f"f.rnn_step({x}, {h}, {draw.of_shape((3, 3))})")


@step
def lstm_step(draw):
    x, weight = draw.of_shape((2, 12)), draw.of_shape((3, 12))
    h, c = draw.of_shape((2, 3)), draw.of_shape((2, 3))
    return Written(f"f.lstm_step({x}, {h}, {c}, {weight})[{draw.between(0, 1)}]")


@step
def gru_step(draw):
    x, weight = draw.of_shape((2, 9)), draw.of_shape((3, 9))
    h, bias = draw.of_shape((2, 3)), draw.of_shape((3,))
    return Written(f"f.gru_step({x}, {h}, {weight}, {bias})")


@step
def dense(draw):
    a = draw.value(2, 3)
    w = draw.of_shape((draw.shape(a)[-1], 2))
    return Written(f"f.dense({a}, {w}, {draw.of_shape((2,))})")


@step
def dense_with_activation(draw):
    a = draw.value(2, 3)
    w, b = draw.of_shape((draw.shape(a)[-1], 2)), draw.of_shape((2,))
    kind = draw.one(["relu", "leaky_relu", "sigmoid", "tanh"])
    before = f"{a} @ {w} + {b}"
    flat = before if "relu" in kind else f"1 - abs(np.tanh({before}))"
    return Written(f"f.dense({a}, {w}, {b}, {kind!r})", (flat,))


@step
def batch_norm_eval(draw):
    a = draw.of_shape(draw.one([(4, 3), (2, 3, 4)]))
    mean, variance = (
        f"np.array({draw.rng.uniform(0.5, 2, 3).round(2).tolist()}, {draw.mode!r})"
        for _ in range(2)
    )
    gamma, beta = draw.of_shape((3,)), draw.of_shape((3,))
    return Written(f"f.batch_norm_eval({a}, {gamma}, {beta}, {mean}, {variance})")


@step
def weighted_sigmoid_cross_entropy(draw):
    a = draw.value(1)
    shape = draw.shape(a)
    weights = f"np.array({draw.rng.uniform(0.5, 2, shape).round(2).tolist()})"
    return Written(
        f"f.weighted_sigmoid_cross_entropy(1.5 * {a}, 1.0 * {draw.mask(shape)}, {weights}, 2.5)"
    )


@step
def embedding(draw):
    a = draw.value(2, 2)
    return Written(f"f.embedding({draw.integers((2, 2), draw.shape(a)[0])}, {a})")


@step
def mean_absolute_error(draw):
    a = draw.value(1)
    b = draw.of_shape(draw.shape(a))
    return Written(f"f.mean_absolute_error({a}, {b})", (f"{a} - {b}",))


@step
def hinge(draw):
    a = draw.value(1)
    y = f"(2.0 * {draw.mask(draw.shape(a))} - 1)"
    return Written(f"f.hinge({a}, {y})", (f"1 - {y} * {a}",))


@step
def binary_cross_entropy(draw):
    a = draw.value(1)
    return Written(
        f"f.binary_cross_entropy(f.sigmoid(0.2 * {a}), 1.0 * {draw.mask(draw.shape(a))})"
    )


@step
def cross_entropy(draw):
    a = draw.value(2, 2)
    m, n = draw.shape(a)
    if n < 2:
        return None
    return Written(f"f.cross_entropy(f.softmax({a}, axis=-1), {draw.integers((m,), n)})")


@step
def corrcoef(draw):
    a = draw.value(2, 2)
    return Written(
        f"f.corrcoef({a} + f.sin(2 * {a}))", (f"0.1 * np.std({a} + np.sin(2 * {a}), -1)",)
    )
