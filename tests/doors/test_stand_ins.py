import subprocess
import sys

import pysketch.caffe
from pysketch.doors.stand_ins import STAND_INS, stand_in


def test_pysketch_stands_in_for_caffe_and_imports_it_when_it_is_asked_to():
    assert STAND_INS == {"caffe": "pysketch.caffe"}
    assert stand_in("caffe") is pysketch.caffe


def test_what_a_script_adds_to_the_path_after_pysketch_is_its_own_whenever_the_room_caffe_is_opened(tmp_path):
    code = f"""
import sys, pysketch
sys.path.append({str(tmp_path)!r})
from pysketch.caffe.mode import layer_paths
print({str(tmp_path)!r} in layer_paths())
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
