from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from pysketch.device.backend import CPU
from pysketch.layers.context import Context


def test_by_default_work_is_done_in_float32_on_the_cpu_and_strangers_code_and_files_are_not_allowed():
    context = Context()
    assert (context.device, context.xp, context.dtype) == (CPU, np, np.float32)
    assert (context.data_source, tuple(context.layer_paths), context.output_dir) == (None, (), None)


def test_nobody_changes_it_on_the_way_down():
    with pytest.raises(FrozenInstanceError):
        Context().seed = 2
