from l4f_datagen.progress.samples import ProgressReporter
from l4f_datagen.progress.state import Progress


def test_progress_tells_rate_shard_and_time_left(monkeypatch):
    now = iter([0.0, 20.0, 20.0])
    monkeypatch.setattr("l4f_datagen.progress.live.time.monotonic", lambda: next(now))
    reporter = ProgressReporter()
    parts = reporter.parts(Progress(shard=1, shards=4, made=100, to_make=700, samples=1000))
    assert parts == ["400/1000 samples", "5.0/s", "shard 2 of 4", "2:00 left"]


def test_in_a_file_a_line_comes_every_ten_seconds(monkeypatch, capsys):
    now = iter([0.0, *(second for second in range(1, 12) for _ in range(2))])
    monkeypatch.setattr("l4f_datagen.progress.live.time.monotonic", lambda: float(next(now)))
    with ProgressReporter() as reporter:
        for made in range(1, 12):
            reporter(Progress(shard=0, shards=1, made=made, to_make=20, samples=20))
    assert capsys.readouterr().err == "10/20 samples  1.0/s  shard 1 of 1  0:10 left\n"
