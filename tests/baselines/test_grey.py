import numpy as np
import pytest
from students import needs_students, students

from pysketch.baselines.grey import Grey
from pysketch.images.pairs import Pair
from pysketch.report.evaluation import evaluate

CONTRACT = {"grey": {}}


def test_the_sketch_is_the_photos_luma():
    photo = np.uint8([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[9, 9, 9], [255, 255, 255], [1, 2, 3]]])
    baseline = Grey()
    baseline.fit([Pair("a", photo, photo[..., 0])])
    assert baseline.sketch(photo).tolist() == [[76, 150, 29], [9, 255, 2]]


@needs_students
def test_the_student_sets_scores_are_the_papers_and_those_measured_before():
    baseline = Grey()
    baseline.fit(students("train"))
    scores = evaluate("grey", baseline.sketch, students("test"))
    assert scores.crop == (143, 188)
    assert [scores.matched(n) for n in (1, 3, 5, 10)] == pytest.approx([41, 56, 59, 70])
    assert scores.rmses.mean() == pytest.approx(57.34, abs=0.005)
    assert scores.ssims.mean() == pytest.approx(0.456, abs=0.0005)
    assert scores.psnrs.mean() == pytest.approx(13.14, abs=0.005)
