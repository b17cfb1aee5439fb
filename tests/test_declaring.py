"""Operations that users declare."""

import functools
import inspect
import traceback

import numpy as np
import pytest

import tinygraph as tg


@tg.elementwise(label="x³", x=lambda ct, x: ct * 3 * x**2)
def cubed(x):
    """x³."""
    return x**3


@tg.elementwise(a=lambda ct, b: ct * b, b=lambda ct, a: ct * a)
def product(a, b):
    """a·b."""
    return a * b


@tg.primitive(x=lambda ct, x, axis: np.expand_dims(ct, axis) * 2 * x)
def squares(x, axis=0):
    """Σ x² along an axis."""
    return (x**2).sum(axis)


def _solve(ct, y, a):
    gb = np.linalg.solve(a.T, ct) if isinstance(ct, np.ndarray) else solve(a.T, ct)
    return -gb[:, None] * y, gb


@tg.primitive(joint=(("a", "b"), _solve))
def solve(a, b):
    """x with a x = b."""
    return np.linalg.solve(a, b)


@tg.primitive(
    saves={"root": lambda x: np.sqrt(x)},
    x=lambda ct, root: ct * 1.5 * root,
)
def three_halves(x):
    """x^(3/2)."""
    root = np.sqrt(x)
    return x * root, root


@tg.primitive(several=True, x=lambda ct, x: ct[0] * np.cos(x) - ct[1] * np.sin(x))
def sine_and_cosine(x):
    """sin x and cos x."""
    return np.sin(x), np.cos(x)


@tg.primitive(arrays=lambda ct, shapes: [np.broadcast_to(ct, shape) for shape in shapes])
def total(*arrays):
    """Σ of all elements of all arrays."""
    return sum(a.sum() for a in arrays)


def test_elementwise_value_gradient_and_second_order():
    x = tg.Variable([1.0, 2.0])
    y = cubed(x)
    np.testing.assert_array_equal(y.numpy(), [1, 8])
    (g,) = tg.gradients(y.sum(), x, create_graph=True)
    np.testing.assert_array_equal(g.numpy(), [3, 12])
    (h,) = tg.gradients(g.sum(), x)
    np.testing.assert_array_equal(h.numpy(), [6, 12])


def test_keyword_and_positional_calls_are_alike():
    a, b = tg.Variable(2.0), tg.Variable(np.ones(3) * 5)
    for call in (
        lambda: product(a, b),
        lambda: product(a, b=b),
        lambda: product(b=b, a=a),
    ):
        ga, gb = tg.gradients(call().sum(), [a, b])
        assert ga.item() == 15.0
        np.testing.assert_array_equal(gb.numpy(), 2)


def test_primitive_with_a_static_argument():
    x = tg.Variable([[1.0, 2.0], [3.0, 4.0]])
    for y in (squares(x, 1), squares(x, axis=1), squares(axis=1, x=x)):
        np.testing.assert_array_equal(y.numpy(), [5, 25])
        (g,) = tg.gradients(y.sum(), x)
        np.testing.assert_array_equal(g.numpy(), 2 * x.numpy())


def test_joint_rule_for_every_choice_of_tracked_operands():
    a, b = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, -1.0])
    both = tg.gradients(solve(A := tg.Variable(a), B := tg.Variable(b)).sum(), [A, B])
    (only_a,) = tg.gradients(solve(A := tg.Variable(a), b).sum(), [A])
    (only_b,) = tg.gradients(solve(a, B := tg.Variable(b)).sum(), [B])
    gb = np.linalg.solve(a.T, np.ones(2))
    np.testing.assert_allclose(both[1].numpy(), gb)
    np.testing.assert_allclose(both[0].numpy(), -np.outer(gb, np.linalg.solve(a, b)))
    np.testing.assert_array_equal(only_a.numpy(), both[0].numpy())
    np.testing.assert_array_equal(only_b.numpy(), both[1].numpy())


def test_saved_values_are_differentiated_too():
    x = tg.Variable(4.0)
    (g,) = tg.gradients(three_halves(x), x, create_graph=True)
    assert g.item() == 3.0
    assert tg.gradients(g, x)[0].item() == 0.375  # 3/4 · x^(−1/2)


def test_several_outputs_used_alone_and_together():
    x = tg.Variable(0.5)
    s, c = sine_and_cosine(x)
    assert tg.gradients(s, x, retain_graph=True)[0].item() == np.cos(0.5)
    assert tg.gradients(c, x, retain_graph=True)[0].item() == -np.sin(0.5)
    (g,) = tg.gradients(s * c, x, create_graph=True)
    assert g.item() == pytest.approx(np.cos(1.0))
    assert tg.gradients(g, x)[0].item() == pytest.approx(-2 * np.sin(1.0))


def test_a_variadic_operand():
    a, b = tg.Variable(np.ones(2)), tg.Variable(np.ones((2, 2)))
    y = total(a, np.ones(3), b)
    assert y.item() == 9.0
    ga, gb = tg.gradients(y * 2, [a, b])
    np.testing.assert_array_equal(ga.numpy(), [2, 2])
    np.testing.assert_array_equal(gb.numpy(), np.full((2, 2), 2))


def test_rules_may_be_written_with_operations_on_tensors():
    @tg.elementwise(x=lambda ct, x: ct * cubed(x))
    def quarter(x):
        """x⁴/4."""
        return x**4 / 4

    x = tg.Variable([1.0, 2.0])
    quarter(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1, 8])
    assert type(x.node.grad) is np.ndarray


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        (lambda x: x * x, "<lambda>"),
        (functools.partial(lambda power, x: x**power, 2), "partial"),
    ],
)
def test_what_has_no_def_can_be_declared(definition, name):
    square = tg.primitive(x=lambda ct, x: ct * 2 * x)(definition)
    x = tg.Variable([1.0, -3.0])
    y = square(x)
    (g,) = tg.gradients(y, x, [1.0, 2.0], create_graph=True)
    (second,) = tg.gradients(g, x, [1.0, 1.0])
    np.testing.assert_array_equal(y.numpy(), [1, 9])
    np.testing.assert_array_equal(g.numpy(), [2, -12])
    np.testing.assert_array_equal(second.numpy(), [2, 4])
    assert square.__name__ == square.primitive.name == name


def test_broadcasting_is_undone_for_elementwise_rules():
    a, b = tg.Variable(np.ones((3, 1))), tg.Variable(np.ones(4))
    ga, gb = tg.gradients(product(a, b).sum(), [a, b])
    np.testing.assert_array_equal(ga.numpy(), np.full((3, 1), 4))
    np.testing.assert_array_equal(gb.numpy(), np.full(4, 3))


def test_generated_code_is_readable_in_tracebacks_and_by_inspect():
    assert "def cubed" in inspect.getsource(cubed)
    assert inspect.getsource(tg.multiply).startswith("@elementwise(np.multiply")
    generated = inspect.getsource(tg.Tensor.__mul__)
    assert "y = a * b" in generated
    with pytest.raises(tg.ShapeError) as caught:
        product(tg.Variable(np.ones(2)), np.ones(3))
    assert "implementation(a, b)" in "".join(traceback.format_exception(caught.value))
    assert str(inspect.signature(squares)) == "(x, axis=0)"
    assert squares.__doc__ == "Σ x² along an axis."


# Mistakes


def test_a_misspelt_name_fails_at_declaration():
    with pytest.raises(tg.DeclarationError, match=r"wrong: the rule for x asks for 'axsi'.*'axis'"):

        @tg.primitive(x=lambda ct, axsi: ct)
        def wrong(x, axis=0):
            return x

    with pytest.raises(tg.DeclarationError, match=r"rule for 'z'.*(x)"):

        @tg.elementwise(z=lambda ct: ct)
        def wrong_too(x):
            return x


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (lambda: tg.primitive(cubed), r"needs a gradient rule .* as in @tg\.primitive\(x=lambda"),
        (lambda: tg.primitive(x=lambda ct: ct)(np.ones(2)), "ndarray came .* written above a def"),
        (lambda: tg.elementwise(lambda x: x)(3.0), "float came where the function stands"),
        (lambda: tg.primitive(x=2)(lambda x: 2 * x), "int came for the rule of x; it needs a fun"),
    ],
)
def test_what_is_no_function_is_refused(declared, message):
    with pytest.raises(tg.DeclarationError, match=message):
        declared()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda ct: ct[0], r"faulty: .* returned shape \(\) for an operand of shape \(2,\)"),
        (lambda ct: None, "faulty: a gradient rule returned None"),
        (lambda ct: 1.0, r"faulty: .* returned shape \(\)"),
        (lambda ct: np.array([None, 1]), "faulty: a gradient rule returned array"),
        (lambda ct: np.ones((2, 2)), r"faulty: .* returned shape \(2, 2\)"),
    ],
)
def test_a_rule_that_returns_what_does_not_fit(rule, message):
    @tg.primitive(x=rule)
    def faulty(x):
        return x * 2

    with pytest.raises(tg.RuleError, match=message):
        faulty(tg.Variable([1.0, 2.0])).sum().backward()


def test_an_error_inside_a_rule_names_the_operation():
    @tg.primitive(x=lambda ct: ct @ np.ones(7))
    def faulty(x):
        return x * 2

    with pytest.raises(ValueError, match="matmul") as caught:
        faulty(tg.Variable([1.0, 2.0])).sum().backward()
    assert caught.value.__notes__ == ["in the gradient of faulty"]


def test_a_function_that_returns_a_tensor_is_no_primitive():
    @tg.primitive(x=lambda ct: ct)
    def confused(x):
        return tg.exp(x)

    with pytest.raises(tg.RuleError, match="given arrays and must return one"):
        confused(tg.Variable(1.0))


def test_a_tracked_tensor_where_there_is_no_gradient():
    @tg.primitive(x=lambda ct, weights: ct * weights, weights=None)
    def weighted(x, weights):
        return x * weights

    x = tg.Variable([1.0, 2.0])
    weighted(x, [2.0, 3.0]).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2, 3])
    with pytest.raises(tg.NotDifferentiable, match="no gradient for 'weights'"):
        weighted(x, x)


@pytest.mark.parametrize("call", [lambda x: cubed(x, y=2), lambda x: squares(x, axes=1)])
def test_an_unknown_keyword_is_named_with_what_is_known(call):
    with pytest.raises(
        tg.ArgumentError, match=r"unknown keyword 'y'.*x|unknown keyword 'axes'.*axis"
    ):
        call(tg.Variable([1.0]))


def test_parameters_may_have_any_name():
    @tg.primitive(y=lambda ct, y, node: ct * y * node, out=lambda ct, node: ct * node)
    def odd(y, out, node=2.0, error=None):
        """(y²/2 + out)·node."""
        return (y * y / 2 + out) * node

    y, out = tg.Variable(3.0), tg.Variable(1.0)
    result = odd(y, out, 4.0)
    assert result.item() == 22.0
    gy, gout = tg.gradients(result, [y, out], create_graph=True)
    assert (gy.item(), gout.item()) == (12.0, 4.0)
    assert tg.gradients(gy, y)[0].item() == 4.0


@pytest.mark.parametrize("name", ["ct", "_x"])
def test_the_engines_names_are_refused(name):
    with pytest.raises(tg.DeclarationError, match="cannot be called"):
        exec(f"@tg.elementwise({name}=lambda: 0)\ndef f({name}): pass", {"tg": tg})  # noqa: S102


def test_an_optional_operand_may_be_none():
    @tg.primitive(x=lambda ct: 2 * ct, bias=lambda ct: ct)
    def affine(x, bias=None):
        """2x + bias."""
        return 2 * x if bias is None else 2 * x + bias

    x, bias = tg.Variable(3.0), tg.Variable(1.0)
    assert affine(x).item() == 6.0
    assert tg.gradients(affine(x), x)[0].item() == 2.0
    assert [g.item() for g in tg.gradients(affine(x, bias), [x, bias])] == [2.0, 1.0]


def test_many_operands():
    @tg.primitive(
        a=lambda ct, b: ct * b,
        b=lambda ct, a: ct * a,
        c=lambda ct: ct,
        d=lambda ct, y, e: ct * e,
        e=lambda ct, d: ct * d,
    )
    def five(a, b, c, d, e):
        """ab + c + de."""
        return a * b + c + d * e

    values = [2.0, 3.0, 5.0, 7.0, 11.0]
    expected = [3.0, 2.0, 1.0, 11.0, 7.0]
    everything = [tg.Variable(v) for v in values]
    assert [g.item() for g in tg.gradients(five(*everything), everything)] == expected
    for k in range(5):
        mixed = [tg.Variable(v) if i == k else v for i, v in enumerate(values)]
        assert tg.gradients(five(*mixed), mixed[k])[0].item() == expected[k]
        graph = tg.graph(five(*mixed))
        assert len(graph.nodes) == 6
