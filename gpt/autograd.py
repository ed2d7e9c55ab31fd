"""A scalar automatic-differentiation engine, and a small network on it.

Every operation makes a `Value` that remembers what it was made from and how fast it changes with each of them. Walking
back from a result, the chain rule multiplies these slopes along every path and adds the paths up. torch does the same
for whole tensors at once. In the manner of A. Karpathy's micrograd; numbers are Python's, of 64 bits.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

Number = float | int


class Value:
    """A number that knows where it came from. `grad` is the slope of the last result `backward` was called on."""

    __slots__ = ("data", "grad", "parents", "slopes")

    def __init__(self, data: Number, parents: tuple[Value, ...] = (), slopes: tuple[float, ...] = ()):
        self.data = float(data)
        self.grad = 0.0
        self.parents = parents
        self.slopes = slopes  # d self / d parent, one a parent

    def __repr__(self) -> str:
        return f"Value({self.data:g}, grad={self.grad:g})"

    def __add__(self, other: Value | Number) -> Value:
        if isinstance(other, Value):
            return Value(self.data + other.data, (self, other), (1.0, 1.0))
        return Value(self.data + other, (self,), (1.0,))

    def __mul__(self, other: Value | Number) -> Value:
        if isinstance(other, Value):
            return Value(self.data * other.data, (self, other), (other.data, self.data))
        return Value(self.data * other, (self,), (float(other),))

    def __pow__(self, exponent: Number) -> Value:
        """Raises ValueError for a negative number to a broken power, which is not real."""
        if self.data < 0 and exponent != int(exponent):
            raise ValueError(f"{self.data:g} ** {exponent:g} is not a real number; take a whole exponent")
        slope = exponent * self.data ** (exponent - 1) if exponent else 0.0
        return Value(self.data**exponent, (self,), (slope,))

    def __neg__(self) -> Value:
        return self * -1

    def __sub__(self, other: Value | Number) -> Value:
        return self + -other

    def __truediv__(self, other: Value | Number) -> Value:
        return self * (other**-1 if isinstance(other, Value) else 1 / other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Number) -> Value:
        return -self + other

    def __rtruediv__(self, other: Number) -> Value:
        return self**-1 * other

    def exp(self) -> Value:
        e = math.exp(self.data)
        return Value(e, (self,), (e,))

    def log(self) -> Value:
        return Value(math.log(self.data), (self,), (1 / self.data,))

    def tanh(self) -> Value:
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t * t,))

    def relu(self) -> Value:
        return Value(max(0.0, self.data), (self,), (float(self.data > 0),))

    def sigmoid(self) -> Value:
        e = math.exp(-abs(self.data))  # of the side that cannot overflow
        s = (1 if self.data >= 0 else e) / (1 + e)
        return Value(s, (self,), (s * (1 - s),))

    def silu(self) -> Value:
        """x * sigmoid(x): a soft switch, also called swish."""
        return self * self.sigmoid()

    def backward(self) -> None:
        """Sets `grad`, the slope of this value, on everything it came from; slopes of an earlier call are replaced."""
        order = self._ancestors()
        for value in order:
            value.grad = 0.0
        self.grad = 1.0
        for value in reversed(order):
            for parent, slope in zip(value.parents, value.slopes, strict=True):
                parent.grad += slope * value.grad

    def _ancestors(self) -> list[Value]:
        """All values this one was made from, and itself at the end, each after its parents. Without recursion, since a
        sum of a thousand terms is a thousand deep."""
        order: list[Value] = []
        seen: set[int] = set()
        waiting = [(self, False)]
        while waiting:
            value, parents_done = waiting.pop()
            if parents_done:
                order.append(value)
            elif id(value) not in seen:
                seen.add(id(value))
                waiting.append((value, True))
                waiting.extend((parent, False) for parent in value.parents)
        return order


def dot(left: Sequence[Value], right: Sequence[Value]) -> Value:
    """The sum of the products, as one step: its slope in each factor is the other factor."""
    data = math.fsum(a.data * b.data for a, b in zip(left, right, strict=True))
    return Value(data, (*left, *right), (*(b.data for b in right), *(a.data for a in left)))


class MLP:
    """Layers of neurons tanh(w . x + b), the last one without tanh; `sizes` are its inputs and the neurons a layer."""

    def __init__(self, sizes: Sequence[int], seed: int = 0):
        rng = random.Random(seed)
        self.layers = [
            [[Value(rng.gauss(0, n_in**-0.5)) for _ in range(n_in)] + [Value(0)] for _ in range(n_out)]
            for n_in, n_out in itertools.pairwise(sizes)
        ]  # a layer is a list of neurons, a neuron its weights and then its bias

    @property
    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for neuron in layer for p in neuron]

    def __call__(self, inputs: Sequence[Number]) -> list[Value]:
        x = [Value(i) for i in inputs]
        for depth, layer in enumerate(self.layers, 1):
            summed = [dot(neuron[:-1], x) + neuron[-1] for neuron in layer]
            x = [s.tanh() for s in summed] if depth < len(self.layers) else summed
        return x

    def loss(self, inputs: Sequence[Sequence[Number]], targets: Sequence[Number]) -> Value:
        """The mean squared error of the first output."""
        errors = [(self(x)[0] - t) ** 2 for x, t in zip(inputs, targets, strict=True)]
        return sum(errors, Value(0)) / len(errors)

    def fit(
        self, inputs: Sequence[Sequence[Number]], targets: Sequence[Number], steps: int, learning_rate: float
    ) -> list[float]:
        """Plain gradient descent over all examples at once; the loss before each step."""
        losses = []
        for _ in range(steps):
            loss = self.loss(inputs, targets)
            loss.backward()
            for p in self.parameters:
                p.data -= learning_rate * p.grad
            losses.append(loss.data)
        return losses
