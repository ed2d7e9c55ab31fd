"""The scalar engine: its gradients are torch's, and a network on it learns what no line separates."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gpt.autograd import MLP, Value, dot

XOR = ([(0, 0), (0, 1), (1, 0), (1, 1)], [-1, 1, 1, -1])

# One expression works on Values and on tensors; each keeps its inputs where the function is smooth.
UNARY: dict[str, Callable[[Any], Any]] = {
    "-": lambda x: -x,
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: x.sigmoid(),
    "silu": lambda x: x.silu() if isinstance(x, Value) else torch.nn.functional.silu(x),
    "relu": lambda x: x.relu(),
    "exp": lambda x: x.tanh().exp(),
    "log": lambda x: (x * x + 0.5).log(),
    "square": lambda x: x**2,
    "root": lambda x: (x * x + 0.1) ** 0.5,
    "3 - x": lambda x: 3 - x,
    "2 / x": lambda x: 2 / (x * x + 1),
    "x / 4": lambda x: x / 4,
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / (y * y + 0.5),
}


@st.composite
def expressions(draw: st.DrawFn) -> Callable[[list[Any]], Any]:
    """A random program over three inputs: every step takes earlier results, so they are shared and recombined."""
    kinds = st.sampled_from([(name, 1) for name in UNARY] + [(name, 2) for name in BINARY])
    earlier = [st.integers(0, 2 + i) for i in range(draw(st.integers(1, 12)))]
    steps = [(*draw(kinds), draw(which), draw(which)) for which in earlier]

    def program(inputs: list[Any]) -> Any:
        values = list(inputs)
        for name, n_operands, a, b in steps:
            made = UNARY[name](values[a]) if n_operands == 1 else BINARY[name](values[a], values[b])
            values.append(made / (1 + made * made) if name in ("square", "*") else made)  # keeps numbers small
        return values[-1] + inputs[0] * 0.5 + inputs[1] + inputs[2]

    return program


@settings(max_examples=60, deadline=None, derandomize=True)
@given(expressions(), st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_the_gradient_of_any_expression_is_torchs(program: Callable[[list[Any]], Any], numbers: list[float]) -> None:
    ours = [Value(x) for x in numbers]
    theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
    result, expected = program(ours), program(theirs)
    result.backward()
    expected.backward()
    assert result.data == pytest.approx(expected.item(), rel=1e-6, abs=1e-6)
    for mine, tensor in zip(ours, theirs, strict=True):
        assert tensor.grad is not None
        assert mine.grad == pytest.approx(tensor.grad.item(), rel=1e-6, abs=1e-6)


def test_a_value_used_twice_gets_the_slopes_of_both_paths() -> None:
    x = Value(3.0)
    (x * x + x).backward()
    assert x.grad == 7.0


def test_backward_again_replaces_the_slopes_instead_of_adding_to_them() -> None:
    x = Value(2.0)
    y = x**3
    y.backward()
    y.backward()
    assert x.grad == 12.0


def test_a_sum_of_many_thousand_terms_has_a_gradient() -> None:
    x = Value(1.0)
    sum((x for _ in range(20_000)), Value(0)).backward()
    assert x.grad == 20_000


@given(st.floats(-1e4, 1e4))
def test_sigmoid_is_finite_and_right_far_from_zero(x: float) -> None:
    expected = torch.tensor(x, dtype=torch.float64).sigmoid().item()
    assert Value(x).sigmoid().data == pytest.approx(expected, abs=1e-15)


def test_a_dot_product_is_its_sum_of_products() -> None:
    numbers = [(0.5, -2.0), (3.0, 0.25), (-1.5, 4.0)]
    one = [(Value(a), Value(b)) for a, b in numbers]
    two = [(Value(a), Value(b)) for a, b in numbers]
    fast, slow = dot(*map(list, zip(*one, strict=True))), sum((a * b for a, b in two), Value(0))
    fast.backward()
    slow.backward()
    assert fast.data == pytest.approx(slow.data)
    assert [v.grad for pair in one for v in pair] == [v.grad for pair in two for v in pair]


def test_what_is_not_a_real_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"-2 \*\* 0.5 is not a real number"):
        Value(-2.0) ** 0.5
    with pytest.raises(ValueError, match="math domain"):
        Value(-1.0).log()


def torch_loss(mlp: MLP, inputs: list[tuple[int, int]], targets: list[int]) -> tuple[Tensor, list[Tensor]]:
    """The same network and loss on tensors; and its weights, a matrix (neurons, inputs + bias) a layer."""
    weights = [
        torch.tensor([[p.data for p in neuron] for neuron in layer], dtype=torch.float64, requires_grad=True)
        for layer in mlp.layers
    ]
    x = torch.tensor(inputs, dtype=torch.float64)
    for depth, w in enumerate(weights, 1):
        x = x @ w[:, :-1].T + w[:, -1]
        x = x.tanh() if depth < len(weights) else x
    return (x[:, 0] - torch.tensor(targets, dtype=torch.float64)).square().mean(), weights


def test_the_gradients_of_the_network_are_torchs() -> None:
    mlp = MLP((2, 5, 4, 1), seed=3)
    loss = mlp.loss(*XOR)
    loss.backward()
    expected, weights = torch_loss(mlp, *XOR)
    expected.backward()
    assert loss.data == pytest.approx(expected.item(), abs=1e-12)
    theirs = [g for w in weights for g in torch.as_tensor(w.grad).flatten().tolist()]
    assert [p.grad for p in mlp.parameters] == pytest.approx(theirs, abs=1e-6)
    assert len(mlp.parameters) == 5 * 3 + 4 * 6 + 5


def test_the_network_learns_exclusive_or() -> None:
    mlp = MLP((2, 4, 1), seed=1)
    losses = mlp.fit(*XOR, steps=200, learning_rate=0.2)
    assert losses[0] > 0.9 > 0.05 > losses[-1]
    assert [math.copysign(1, mlp(x)[0].data) for x in XOR[0]] == XOR[1]
