import pytest
import torch

from l4f_datagen.training.core.degeneration import statistics, verdict


def judge(alpha: torch.Tensor) -> str | None:
    return verdict({name: value.item() for name, value in statistics(alpha)._asdict().items()})


def discs(radii: list[float]) -> torch.Tensor:
    axis = torch.linspace(-1, 1, 32)
    distance = (axis[:, None].square() + axis.square()).sqrt()
    return torch.stack([(distance < r).float()[None] for r in radii])


def test_statistics_by_hand():
    alpha = torch.tensor([[[[0.0, 1.0]]], [[[0.5, 1.0]]]])
    area, decisiveness, variety = statistics(alpha)
    assert (area.item(), decisiveness.item(), variety.item()) == pytest.approx((0.625, 0.75, 0.25))


@pytest.mark.parametrize(
    ("alpha", "words"),
    [
        (torch.ones(4, 1, 32, 32), ["all foreground", "lambda_3", "phi_2"]),
        (torch.zeros(4, 1, 32, 32), ["all background", "lambda_2", "phi_1"]),
        (torch.full((4, 1, 32, 32), 0.4), ["not decisive", "lambda_1"]),
        (discs([0.6] * 4), ["equal for every sample", "adversarial_weight", "first_resolution"]),
    ],
)
def test_each_kind_is_named_with_what_counters_it(alpha, words):
    found = judge(alpha)
    assert found is not None and all(word in found for word in words), found


def test_good_masks_pass():
    assert judge(discs([0.4, 0.6, 0.7, 0.5])) is None
