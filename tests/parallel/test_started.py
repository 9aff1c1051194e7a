"""What the environment says of how a process was started."""

import json

import pytest

from pysketch.parallel.started import PLACE, Place, place, started_size


@pytest.mark.parametrize(
    ("environment", "size"),
    [
        ({}, 1),
        ({"OMPI_COMM_WORLD_SIZE": "4"}, 4),
        ({"PMI_SIZE": "3", "PMI_RANK": "0"}, 3),
        ({"MV2_COMM_WORLD_SIZE": "2"}, 2),
        ({"SLURM_STEP_NUM_TASKS": "5", "PMIX_RANK": "1"}, 5),
        ({"SLURM_STEP_NUM_TASKS": "5", "SLURM_NTASKS": "5"}, 1),
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, 1),
        ({"PMI_SIZE": ""}, 1),
    ],
)
def test_the_size_is_what_an_mpirun_says_and_a_batch_script_is_none(environment, size):
    assert started_size(environment) == size


def test_a_process_knows_whether_it_is_to_work_and_where():
    assert place({}) is None
    assert place({PLACE: json.dumps(Place(2, 5))}) == Place(2, 5)
