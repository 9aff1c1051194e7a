"""Embedded hidden Markov models of images: super-states down the rows, each with a chain of states across a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pysketch.baselines.hmm import forward_backward, log


@dataclass(frozen=True)
class ImagePosterior:
    """What N images of R x C observations say of their hidden states.

    log_likelihood: (N,); states: (N, R, C, S, K), P(super-state and state); and expected numbers, over all images: of
    super_starts (S,), super_moves (S, S), starts (S, K) and moves (S, K, K).
    """

    log_likelihood: np.ndarray
    states: np.ndarray
    super_starts: np.ndarray
    super_moves: np.ndarray
    starts: np.ndarray
    moves: np.ndarray


@dataclass(frozen=True)
class EmbeddedHMM:
    """Each row of observations is in one of S super-states, a chain down the image; given it, the row is a chain too.

    All are probabilities: super_start (S,), super_move (S, S), and of the K states in each super-state start
    (S, K), move (S, K, K). Source: Nefian and Hayes, An Embedded HMM-Based Approach for Face Detection and
    Recognition, ICASSP 1999.
    """

    super_start: np.ndarray
    super_move: np.ndarray
    start: np.ndarray
    move: np.ndarray

    @classmethod
    def left_to_right(cls, rows: int, columns: int, super_states: int, states: int) -> EmbeddedHMM:
        """Chains that begin in the first state, stay in each one as long, on average, and go to the next one."""
        start, move = _left_to_right(columns, states)
        return cls(
            *_left_to_right(rows, super_states),
            np.tile(start, (super_states, 1)),
            np.tile(move, (super_states, 1, 1)),
        )

    def posterior(self, log_emit: np.ndarray) -> ImagePosterior:
        """log_emit: (N, R, C, S, K), the logarithm of each observation's probability in each state.

        The likelihood of a row in a super-state, from the chain across it, is what the chain down observes.
        """
        across = forward_backward(log(self.start), log(self.move), log_emit.transpose(0, 1, 3, 2, 4))
        down = forward_backward(log(self.super_start), log(self.super_move), across.log_likelihood)
        joint = down.states[..., None, None] * across.states
        return ImagePosterior(
            down.log_likelihood,
            joint.transpose(0, 1, 3, 2, 4),
            down.states[:, 0].sum(axis=0),
            down.moves.sum(axis=0),
            joint[:, :, :, 0].sum(axis=(0, 1)),
            (down.states[..., None, None] * across.moves).sum(axis=(0, 1)),
        )

    def reestimated(self, posterior: ImagePosterior) -> EmbeddedHMM:
        """Baum and Welch's step: the probabilities that the expected numbers make; what never occurred stays."""
        return EmbeddedHMM(
            _normalised(posterior.super_starts, self.super_start),
            _normalised(posterior.super_moves, self.super_move),
            _normalised(posterior.starts, self.start),
            _normalised(posterior.moves, self.move),
        )


def equal_parts(rows: int, columns: int, super_states: int, states: int) -> np.ndarray:
    """(R, C, S, K): 1 where an observation is in a state if the rows and each row are cut into equal parts, else 0."""
    down, across = (np.arange(length) * count // length for length, count in ((rows, super_states), (columns, states)))
    return np.einsum("rs,ck->rcsk", np.eye(super_states)[down], np.eye(states)[across])


def _left_to_right(length: int, states: int) -> tuple[np.ndarray, np.ndarray]:
    leave = min(1.0, states / length)
    move = (1 - leave) * np.eye(states) + leave * np.eye(states, k=1)
    move[-1] = np.eye(states)[-1]
    return np.eye(states)[0], move


def _normalised(numbers: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    total = numbers.sum(axis=-1, keepdims=True)
    return np.where(total > 0, numbers / np.where(total > 0, total, 1), otherwise)
