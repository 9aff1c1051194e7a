from pathlib import Path

from pysketch.benchmark.card.plan import NETS, Plan, name_of


def test_another_process_reads_what_was_written(tmp_path):
    for plan in (Plan(), Plan("gpu:1", 20, ("a.prototxt",), (1,), (5, 7), photo=None, peers={"default": ()})):
        plan.write(tmp_path / "plan.json")
        assert Plan.read(tmp_path / "plan.json") == plan


def test_the_shipped_nets_are_raced():
    assert tuple(name_of(path) for path in Plan().nets) == NETS
    assert all(Path(path).is_file() for path in Plan().nets)
    assert Path(Plan().photo).is_file()
    assert Path(Plan().solver).is_file()


def test_a_small_job_learns_from_two_small_pairs():
    job = Plan("gpu:1", small=(5, 7), seed=3).small_job("x.prototxt")
    assert (job.phase, job.batch, job.size, job.device, job.seed) == ("train", 2, (5, 7), "gpu:1", 3)
    assert Plan(size=(9, 8)).job("x.prototxt", "test", 4, "tf32").size == (9, 8)
