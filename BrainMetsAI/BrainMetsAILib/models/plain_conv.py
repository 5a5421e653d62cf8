"""nnU-Net's own network, for comparisons: the package dynamic-network-architectures, which nothing else needs."""

from collections.abc import Sequence

from torch import Tensor, nn

from BrainMetsAILib.models.network import CLASSES


class PlainConvNet(nn.Module):
    """``PlainConvUNet`` as nnU-Net plans it for one image (Isensee et al., Nat Methods 2021;18:203, doi:10.1038/s41592-020-01008-z).

    Two 3³ convolutions a level, instance normalisation, leaky ReLU, supervision at every resolution but the coarsest.

    Parameters
    ----------
    widths
        Channels at full, half, quarter … resolution.

    Raises
    ------
    ValueError
        If the package is not installed.
    """

    def __init__(self, widths: Sequence[int] = (32, 64, 128, 256)) -> None:
        super().__init__()
        try:
            from dynamic_network_architectures.architectures.unet import PlainConvUNet
        except ImportError as error:
            raise ValueError(
                "nnU-Net's network is not installed; install it with “pip install --no-deps dynamic-network-architectures”."
            ) from error
        levels = len(widths)
        self.unet = PlainConvUNet(
            input_channels=1,
            n_stages=levels,
            features_per_stage=list(widths),
            conv_op=nn.Conv3d,
            kernel_sizes=3,
            strides=[1] + [2] * (levels - 1),
            n_conv_per_stage=2,
            num_classes=len(CLASSES),
            n_conv_per_stage_decoder=2,
            conv_bias=True,
            norm_op=nn.InstanceNorm3d,
            norm_op_kwargs={"eps": 1e-5, "affine": True},
            nonlin=nn.LeakyReLU,
            nonlin_kwargs={"inplace": True},
            deep_supervision=True,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits (b, 3, k, j, i) of background, enhancing and necrosis; x (b, 1, k, j, i)."""
        return self.unet(x)[0]

    def scales(self, x: Tensor) -> list[Tensor]:
        """Logits from the coarsest supervised resolution to the full one."""
        return list(reversed(self.unet(x)))

    def merge(self) -> None:
        """Nothing to merge: its kernels are single ones."""
