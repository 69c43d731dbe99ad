import pytest

from l4f_datagen.progress.fitting import fitted

SAMPLES = ["123456/1000000 samples", "123.4/s", "shard 124 of 1000", "1:58:24 left"]
TERMS = [
    "12345/100000", "12.3 steps/s", "1:58:24 left", "D 0.693", "A 0.700", "B 0.0312", "C 0.0000", "E 0.0000",
    "area 0.25",
]  # fmt: skip
LABELS = ("stage 3 of 17: train-segmenter bisenet-supervised-seed1", "3/17 train-segmenter bisenet-supervised-seed1")


@pytest.mark.parametrize("labels", [(), LABELS], ids=["alone", "staged"])
@pytest.mark.parametrize(("parts", "drop"), [(SAMPLES, (2, 1)), (TERMS, ())], ids=["samples", "terms"])
def test_no_line_is_wider_than_the_terminal(parts, drop, labels):
    for width in (*range(1, 60), 80, 100, 200):
        for share in (None, 0.0, 0.5, 1.0):
            line = fitted(parts, width, share=share, labels=labels, drop=drop)
            assert 0 < len(line) <= width


def test_at_80_columns_there_are_count_rate_time_left_and_a_bar():
    line = fitted(SAMPLES, 79, share=0.5, drop=(2, 1))
    assert all(part in line for part in SAMPLES)
    assert line.count("━") >= 4 and abs(line.count("━") - line.count("─")) <= 1
    assert fitted(TERMS, 79, share=0.25).endswith("D 0.693  A 0.700  B 0.0312")
    staged = fitted(SAMPLES, 79, share=0.5, labels=("stage 3 of 7: generate", "3/7 generate"), drop=(2, 1))
    assert staged.startswith("stage 3 of 7: generate") or staged.startswith("3/7 generate")
    assert "left" in staged and "/s" in staged


def test_what_is_least_important_goes_first():
    assert fitted(SAMPLES, 60, drop=(2, 1)) == "123456/1000000 samples  123.4/s  1:58:24 left"
    assert fitted(SAMPLES, 40, drop=(2, 1)) == "123456/1000000 samples  1:58:24 left"
    assert fitted(SAMPLES, 30, drop=(2, 1)) == "123456/1000000 samples"
    assert fitted(SAMPLES, 10, drop=(2, 1)) == "123456/10…"
