import pytest
import torch
import torch.nn.functional as F

from l4f_datagen.networks.unet import UNet


@pytest.mark.parametrize(("depth", "width", "classes"), [(1, 4, 2), (3, 5, 3)])
def test_scores_at_the_image_size(depth, width, classes):
    network = UNet(depth=depth, width=width, classes=classes)
    assert network(torch.zeros(2, 3, 16, 24)).shape == (2, classes, 16, 24)


def test_sizes_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="multiples of 8"):
        UNet(depth=3, width=4)(torch.zeros(1, 3, 20, 16))


def test_it_learns_where_the_bright_pixels_are():
    torch.manual_seed(0)
    network, images = UNet(depth=2, width=4), torch.rand(8, 3, 16, 16) * 2 - 1
    truth = (F.avg_pool2d(images.mean(1, keepdim=True), 3, 1, 1)[:, 0] > 0).long()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    first = None
    for _ in range(40):
        loss = F.cross_entropy(network(images), truth)
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 * first
