from l4f_datagen.progress.state import Counted
from l4f_datagen.progress.training import TrainingReporter


def test_what_is_done_between_steps_is_told_with_times_of_its_own(monkeypatch, capsys):
    """Ten seconds for each report, in a file: rate and time left are those of the things that are counted now."""
    now = [0.0]
    monkeypatch.setattr("l4f_datagen.progress.live.time.monotonic", lambda: now[0])
    with TrainingReporter(lambda terms: []) as reporter:
        for things, count, done in [("photographs", 40, (0, 10)), ("samples", 8, (0, 4)), ("samples", 8, (0, 8))]:
            for number in done:
                now[0] += 10
                reporter.count(Counted(number, count, things))
    assert capsys.readouterr().err.splitlines() == [
        "0/40 photographs  0.0/s  ? left",
        "10/40 photographs  1.0/s  0:30 left",
        "0/8 samples  0.0/s  ? left",
        "4/8 samples  0.4/s  0:10 left",
        "0/8 samples  0.0/s  ? left",
        "8/8 samples  0.8/s  0:00 left",
    ]
