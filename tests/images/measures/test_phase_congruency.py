"""Phase congruency: against a slow reading of its definition, and what it does at lines, edges and in flat pictures."""

import numpy as np
import pytest

from pysketch.images.measures.phase_congruency import phase_congruency


def wavelet(h, w, scale, orientation):
    """The transfer function of one wavelet, frequency by frequency, zero first."""
    found = np.zeros((h, w))
    for row in range(h):
        for column in range(w):
            v, u = ((k if k <= (n - 1) // 2 else k - n) / (n - n % 2) for k, n in ((row, h), (column, w)))
            radius = np.hypot(u, v)
            if radius == 0:
                continue
            apart = abs(np.arctan2(-v, u) - orientation * np.pi / 4)
            apart = min(apart, 2 * np.pi - apart)
            ring = np.exp(-(np.log(radius * 6 * 2**scale) ** 2) / (2 * np.log(0.55) ** 2)) / (1 + (radius / 0.45) ** 30)
            found[row, column] = ring * np.exp(-(apart**2) / (2 * (np.pi / 4 / 1.2) ** 2))
    return found


def slow(image):
    h, w = image.shape
    top, below = np.zeros((h, w)), np.zeros((h, w))
    for orientation in range(4):
        filters = [wavelet(h, w, scale, orientation) for scale in range(4)]
        responses = [np.fft.ifft2(np.fft.fft2(image) * each) for each in filters]
        even, odd = sum(each.real for each in responses), sum(each.imag for each in responses)
        length = np.sqrt(even**2 + odd**2) + 1e-4
        energy = sum(
            (r.real * even + r.imag * odd) / length - abs(r.real * odd - r.imag * even) / length for r in responses
        )
        power = np.median(abs(responses[0]) ** 2) / np.log(2) / (filters[0] ** 2).sum()
        waves = [np.fft.ifft2(each).real * np.sqrt(h * w) for each in filters]
        squares = sum((each**2).sum() for each in waves)
        products = sum((waves[i] * waves[j]).sum() for i in range(4) for j in range(i + 1, 4))
        tau = np.sqrt(power * squares + 2 * power * products)
        energy -= (tau * np.sqrt(np.pi / 2) + 2 * tau * np.sqrt(2 - np.pi / 2)) / 1.7
        top += np.maximum(energy, 0)
        below += sum(abs(each) for each in responses)
    return top / below


@pytest.mark.parametrize("size", [(14, 17), (15, 12)])
def test_it_is_what_the_definition_says_at_even_and_odd_sizes(size):
    image = np.random.default_rng(3).integers(0, 256, size).astype(np.uint8)
    np.testing.assert_allclose(phase_congruency(image), slow(image), atol=1e-10)


def test_a_line_stands_out_however_faint_it_is():
    image = np.full((48, 40), 200.0)
    image[:, 20] = 196
    found = phase_congruency(image)
    assert found[24, 20] > 0.7
    assert found[24, 10] < 0.1
    image[:, 20] = 0
    np.testing.assert_allclose(phase_congruency(image)[24, 20], found[24, 20], rtol=0.01)


def test_a_flat_picture_has_no_features():
    assert not phase_congruency(np.full((20, 24), 77, np.uint8)).any()
