"""Hidden Markov models: the forward-backward algorithm, in logarithms, on many chains at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Posterior:
    """What the observations of chains of length T say of their S hidden states.

    log_likelihood: (...), log P(observations); states: (..., T, S), P(state at t = s | observations);
    moves: (..., S, S), the expected number of moves from the first to the second state.
    """

    log_likelihood: np.ndarray
    states: np.ndarray
    moves: np.ndarray


def forward_backward(log_start: np.ndarray, log_move: np.ndarray, log_emit: np.ndarray) -> Posterior:
    """The posterior of chains with log_start (..., S), log_move (..., S, S) and log_emit (..., T, S).

    log_move[i, j] is that of going from i to j; log_emit[t, s] that of the observation at t in state s; the leading
    axes broadcast. -inf stands for what cannot be; each chain needs one way that can be. With
    alpha_t(j) = emit_t(j) sum_i alpha_t-1(i) move(i, j) and beta_t(i) = sum_j move(i, j) emit_t+1(j) beta_t+1(j):

        P = sum_j alpha_T(j),    P(s at t) = alpha_t(s) beta_t(s) / P,
        moves(i, j) = sum_t alpha_t(i) move(i, j) emit_t+1(j) beta_t+1(j) / P.

    Source: Rabiner, A Tutorial on Hidden Markov Models, Proceedings of the IEEE 77(2), 1989, equations 18 to 38.
    """
    length = log_emit.shape[-2]
    alpha, beta = np.empty_like(log_emit), np.zeros_like(log_emit)
    alpha[..., 0, :] = log_start + log_emit[..., 0, :]
    for t in range(1, length):
        alpha[..., t, :] = log_sum(alpha[..., t - 1, :, None] + log_move, -2) + log_emit[..., t, :]
    for t in range(length - 2, -1, -1):
        beta[..., t, :] = log_sum(log_move + (log_emit + beta)[..., t + 1, None, :], -1)
    likelihood = log_sum(alpha[..., -1, :], -1)
    states = np.exp(alpha + beta - likelihood[..., None, None])
    moves = np.zeros(np.broadcast_shapes(log_move.shape, (*log_emit.shape[:-2], 1, 1)), log_emit.dtype)
    for t in range(length - 1):
        after = (log_emit[..., t + 1, :] + beta[..., t + 1, :])[..., None, :]
        moves += np.exp(alpha[..., t, :, None] + log_move + after - likelihood[..., None, None])
    return Posterior(likelihood, states, moves)


def log_sum(x: np.ndarray, axis: int) -> np.ndarray:
    """log sum exp x along an axis; -inf where all are."""
    top = x.max(axis=axis, keepdims=True)
    top = np.where(np.isneginf(top), 0, top)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(x - top).sum(axis=axis)) + top.squeeze(axis)


def log(probabilities: np.ndarray) -> np.ndarray:
    """Natural logarithm; -inf for 0."""
    with np.errstate(divide="ignore"):
        return np.log(probabilities)
