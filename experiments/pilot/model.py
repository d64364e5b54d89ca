"""A byte-level causal transformer of two pre-norm blocks, whose size is its width.

Every model of the lab has ``LAYERS`` = 2 blocks, a multiple of four channels ``d`` and one attention head per
16 channels (at least two), so one number names a shape and the family changes smoothly with size:

    N = LAYERS (12 d^2 + 2 d) + d

non-embedding parameters: per block ``3 d^2`` (queries, keys, values), ``d^2`` (their output), ``8 d^2``
(a perceptron of width ``4 d``) and the gains of two norms, then the gain of the last norm. The embedding
of the bytes and the output head are not counted, as in Kaplan et al. 2020 (arXiv:2001.08361), section 2.1.

Attention sees relative positions (rotary, Su et al. 2021, arXiv:2104.09864) and half of its channels come
from the position before (token shift, Peng et al. 2023, arXiv:2305.13048). With learned absolute positions
instead, a model first had to discover how to look at its neighbours, and the loss fell late and all at once,
as no power law does: at N = 24,736 it was 2.26, 2.16, 1.94, 1.75 at D = 2^17 to 2^20; in the committed
table it is 2.06, 1.91, 1.76, 1.63.
"""

from dataclasses import dataclass
from math import sqrt

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

LAYERS = 2
CONTEXT = 64
BYTES = 256
CHANNELS_PER_HEAD = 16
ROTARY_BASE = 100.0  # the slowest pair turns once in some 10 contexts


@dataclass(frozen=True)
class Shape:
    """What a size stands for: channels ``d``, blocks and attention heads."""

    channels: int
    layers: int
    heads: int


def num_params(channels: int) -> int:
    """``N = LAYERS (12 d^2 + 2 d) + d``, the non-embedding parameters of a model of this width."""
    return LAYERS * (12 * channels**2 + 2 * channels) + channels


def shape_of(N: int) -> Shape:
    """The one shape with exactly ``N`` non-embedding parameters.

    Raises:
        ValueError: when no width has that size; the message gives the nearest size that exists.
    """
    channels = max(4, 4 * round(sqrt(N / (12 * LAYERS)) / 4))
    if num_params(channels) != N:
        raise ValueError(f"no model of the pilot lab has N = {N}; the nearest size is {num_params(channels)}")
    heads = max(2, channels // CHANNELS_PER_HEAD)
    while channels % (2 * heads):  # the rotation turns pairs of channels
        heads -= 1
    return Shape(channels, LAYERS, heads)


def scaled_normal(key: Array, rows: int, columns: int, gain: float = 1.0) -> Array:
    """Weights ``(rows, columns)`` that keep the variance of their input times ``gain^2``."""
    return jax.random.normal(key, (rows, columns)) * gain / sqrt(columns)


def normalised(x: Array, gain: Array) -> Array:
    """Every row divided by its root mean square, times a gain: ``(position, channel)``."""
    return x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-6) * gain


def rotated(x: Array) -> Array:
    """Pairs of channels turned by an angle proportional to position, ``(head, position, channel)``."""
    _, positions, channels = x.shape
    frequency = ROTARY_BASE ** (-jnp.arange(channels // 2) / (channels // 2))
    angle = jnp.arange(positions)[:, None] * frequency
    first, second = jnp.split(x, 2, axis=-1)
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return jnp.concatenate([first * cosine - second * sine, first * sine + second * cosine], axis=-1)


def shifted(x: Array) -> Array:
    """The second half of the channels taken from the position before, ``(position, channel)``."""
    now, before = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([now, jnp.pad(before, ((1, 0), (0, 0)))[:-1]], axis=-1)


class Block(eqx.Module):
    """Causal attention, then a perceptron, each added to the stream; ``(position, channel)`` in and out.

    The perceptron's activation is the squared ReLU of So et al. 2021 (arXiv:2109.08668): a quarter of a step
    faster on a processor than one with an exponential.
    """

    attention_gain: Array
    query_key_value: Array
    attention_output: Array
    perceptron_gain: Array
    up: Array
    down: Array
    heads: int = eqx.field(static=True)

    def __init__(self, shape: Shape, key: Array):
        d = shape.channels
        keys = jax.random.split(key, 4)
        depth_gain = 1 / sqrt(2 * shape.layers)  # the stream's variance stays near one through all additions
        self.attention_gain = jnp.ones(d)
        self.query_key_value = scaled_normal(keys[0], 3 * d, d)
        self.attention_output = scaled_normal(keys[1], d, d, depth_gain)
        self.perceptron_gain = jnp.ones(d)
        self.up = scaled_normal(keys[2], 4 * d, d)
        self.down = scaled_normal(keys[3], d, 4 * d, depth_gain)
        self.heads = shape.heads

    def attention(self, x: Array) -> Array:
        """Each position's mixture of the values at its own and earlier positions."""
        positions, channels = x.shape
        per_head = (shifted(x) @ self.query_key_value.T).reshape(
            positions, 3, self.heads, channels // self.heads
        )
        query, key, value = jnp.transpose(
            per_head, (1, 2, 0, 3)
        )  # head first: plain batched products, 2x faster
        score = rotated(query) @ jnp.swapaxes(rotated(key), 1, 2) / sqrt(channels // self.heads)
        visible = jnp.tril(jnp.ones((positions, positions), bool))
        weight = jax.nn.softmax(jnp.where(visible, score, -jnp.inf), axis=-1)
        mixed = jnp.swapaxes(weight @ value, 0, 1).reshape(positions, channels)
        return mixed @ self.attention_output.T

    def __call__(self, x: Array) -> Array:
        """The block at one sequence."""
        x = x + self.attention(normalised(x, self.attention_gain))
        hidden = jax.nn.relu(normalised(x, self.perceptron_gain) @ self.up.T)
        return x + hidden**2 @ self.down.T


class Transformer(eqx.Module):
    """Logits of the next byte at every position: ``(position,) of uint8 -> (position, 256)``."""

    byte_embedding: Array
    blocks: tuple[Block, ...]
    gain: Array
    head: Array

    def __init__(self, shape: Shape, key: Array):
        byte_key, *block_keys = jax.random.split(key, 1 + shape.layers)
        self.byte_embedding = jax.random.normal(byte_key, (BYTES, shape.channels))
        self.blocks = tuple(Block(shape, block_key) for block_key in block_keys)
        self.gain = jnp.ones(shape.channels)
        self.head = jnp.zeros((BYTES, shape.channels))  # every run begins at a loss of log 256

    def __call__(self, text: Array) -> Array:
        """Logits at one sequence."""
        x = self.byte_embedding[text]
        for block in self.blocks:
            x = block(x)
        return normalised(x, self.gain) @ self.head.T
