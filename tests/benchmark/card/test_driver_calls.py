"""The driver's calls are counted, with a library that calls back as CUPTI does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pysketch.benchmark.card import driver_calls
from pysketch.benchmark.card.driver_calls import DriverCalls, candidates
from pysketch.benchmark.race import BenchmarkError

LIBRARY = r"""
#include <stdint.h>
#include <stddef.h>
/* As in CUPTI's cupti_callbacks.h. */
typedef struct {
    int callbackSite;
    const char *functionName;
    const void *functionParams;
    void *functionReturnValue;
    const char *symbolName;
    void *context;
    uint32_t contextUid;
    uint64_t *correlationData;
    uint32_t correlationId;
} Data;
typedef void (*Callback)(void *, int, uint32_t, const Data *);
static Callback subscribed = NULL;
static int enabled = 0;
int cuptiSubscribe(void **subscriber, Callback callback, void *user) {
    if (subscribed) return 39;
    subscribed = callback;
    *subscriber = &subscribed;
    return 0;
}
int cuptiEnableDomain(uint32_t on, void *subscriber, int domain) {
    if (subscriber != &subscribed || domain != 1) return 1;
    enabled = on;
    return 0;
}
int cuptiUnsubscribe(void *subscriber) {
    subscribed = NULL;
    enabled = 0;
    return 0;
}
int cuptiGetResultString(int result, const char **text) {
    *text = result == 39 ? "CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED" : "CUPTI_ERROR_INVALID_PARAMETER";
    return 0;
}
void driver_call(const char *name) {
    for (int site = 0; site < 2; ++site) {
        Data data = {site, name, NULL, NULL, NULL, NULL, 1, NULL, 7};
        if (subscribed && enabled) subscribed(NULL, 1, 307, &data);
    }
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The path of such a library."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("cupti")
    (folder / "cupti.c").write_text(LIBRARY)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "libcupti.so.13", folder / "cupti.c"], check=True)
    return folder / "libcupti.so.13"


@pytest.mark.slow
def test_every_call_is_counted_once_and_by_its_kind(library):
    with DriverCalls(library=library) as calls:
        names = ["cuLaunchKernel", "cuLaunchKernel_ptsz", "cuLaunchKernelEx", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoH_v2"]
        names += ["cuMemcpyDtoDAsync_v2", "cuMemsetD32Async", "cuStreamSynchronize", "cuMemAlloc_v2", "cuMemFree_v2"]
        for name in [*names, "cuCtxGetCurrent", "cuStreamWaitEvent"]:
            calls.cupti.driver_call(name.encode())
    calls.cupti.driver_call(b"cuLaunchKernel")  # it is over
    assert calls.kinds() == {
        "launches": 3,
        "copies to the card": 1,
        "copies from the card": 1,
        "other copies": 1,
        "fills": 1,
        "waits": 1,
        "allocations": 1,
        "frees": 1,
    }
    assert calls.names["cuCtxGetCurrent"] == 1


@pytest.mark.slow
def test_a_second_counter_is_an_error_with_cuptis_reason(library):
    said = r"CUPTI cannot count: CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED \(39\)"
    with DriverCalls(library=library), pytest.raises(BenchmarkError, match=said), DriverCalls(library=library):
        pass


def test_without_cupti_it_says_what_was_looked_for():
    with pytest.raises(BenchmarkError, match=r"CUPTI, which counts the driver's calls, is not found: .*/nothing/lib"):
        DriverCalls(library=Path("/nothing/libcupti.so.13"))


def test_wheels_come_before_the_system_and_the_right_version_before_others(tmp_path, monkeypatch):
    for version in ("12", "13"):
        path = tmp_path / "nvidia" / f"cu{version}" / "lib" / f"libcupti.so.{version}"
        path.parent.mkdir(parents=True)
        path.write_text("")
    monkeypatch.setattr(driver_calls.sys, "path", ["", str(tmp_path)])
    found = [path for path in candidates(12) if not path.is_absolute() or tmp_path in path.parents]
    names = ["nvidia/cu12/lib/libcupti.so.12", "nvidia/cu13/lib/libcupti.so.13"]
    assert found == [tmp_path / names[0], Path("libcupti.so.12"), tmp_path / names[1], Path("libcupti.so.13")]
