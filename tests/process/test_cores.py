import os

import pytest

from l4f_datagen.process.cores import cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinities here")
def test_only_the_cores_that_were_given_count():
    mine = os.sched_getaffinity(0)
    assert cores() == len(mine)
    try:
        os.sched_setaffinity(0, {min(mine)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, mine)


@pytest.mark.parametrize(("known", "found"), [(7, 7), (None, 1)])
def test_other_systems_say_how_many_there_are(known, found, monkeypatch):
    for name in ("process_cpu_count", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: known)
    assert cores() == found
    monkeypatch.setattr(os, "process_cpu_count", lambda: known, raising=False)  # from Python 3.13 on
    assert cores() == found
