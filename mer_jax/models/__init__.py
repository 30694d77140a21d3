"""The networks, one paper a file. `MODELS` is the whole register; `create` makes one by name."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import flax.linen as nn
import jax

from mer_jax.mistakes import UserMistake, nearest
from mer_jax.models import agmenet, cabm_fmer, capsulenet, cnn_gru, densenet, htnet, linear, off_apexnet, off_tanet, rcn
from mer_jax.models.agmenet import AGMENet
from mer_jax.models.cabm_fmer import CABMFMER
from mer_jax.models.capsulenet import CapsuleNet
from mer_jax.models.cnn_gru import CnnGru
from mer_jax.models.densenet import DenseNet
from mer_jax.models.dual_atme import DualATME
from mer_jax.models.dual_inception import DualInception
from mer_jax.models.featref import FeatRef
from mer_jax.models.fields import check_options, fields_with_defaults
from mer_jax.models.htnet import HTNet
from mer_jax.models.linear import Linear
from mer_jax.models.mfe_net import MFENet
from mer_jax.models.network import example_inputs, input_shapes
from mer_jax.models.off_apexnet import OffApexNet
from mer_jax.models.off_tanet import OffTANet
from mer_jax.models.operations import operations
from mer_jax.models.rcn import RCN
from mer_jax.models.ststnet import STSTNet


@dataclasses.dataclass(frozen=True)
class Entry:
    """A network's class, its variants (name -> fields), its paper, and how much of it is known for sure."""

    network: Callable[..., nn.Module]
    paper: str
    evidence: str
    variants: dict[str, dict] = dataclasses.field(default_factory=lambda: {"paper": {}})


MODELS = {
    "agmenet": Entry(AGMENet, "AGMENet, JETBM 2024 (doi 10.5281/zenodo.13933725)", "abstract only", agmenet.VARIANTS),
    "cabm_fmer": Entry(CABMFMER, "CABM-FMER, IEEE Access (doi 10.1109/ACCESS.2024.3525151)", "abstract only",
                       cabm_fmer.VARIANTS),
    "capsulenet": Entry(CapsuleNet, "CapsuleNet, FG 2019 (doi 10.1109/FG.2019.8756544); reads flow, theirs the apex frame",
                        "public code without a published count; the trunk as enlarged", capsulenet.VARIANTS),
    "cnn_gru": Entry(CnnGru, "none: a CNN with a GRU, to compare with", "baseline, no paper's", cnn_gru.VARIANTS),
    "densenet": Entry(DenseNet, "none: a plain DenseNet, to compare with", "baseline, no paper's", densenet.VARIANTS),
    "dual_atme": Entry(DualATME, "Dual-ATME, Entropy 2023 (doi 10.3390/e25030460)", "exact port; the puzzle cut from flow"),
    "dual_inception": Entry(DualInception, "Dual-Inception, Zhou et al., FG 2019 (its public code)", "exact port"),
    "featref": Entry(FeatRef, "FeatRef, Pattern Recognition 2022 (arXiv 2101.04838)", "abstract; trunk as public code"),
    "htnet": Entry(HTNet, "HTNet, Neurocomputing 2024 (arXiv 2307.14637)",
                   "public code without a published count; areas of an aligned face", htnet.VARIANTS),
    "linear": Entry(Linear, "none: a linear classifier, to compare with", "baseline, no paper's", linear.VARIANTS),
    "mfe_net": Entry(MFENet, "MFE-Net, SIViP 2024 (doi 10.1007/s11760-024-03221-1)", "abstract only"),
    "off_apexnet": Entry(OffApexNet, "OFF-ApexNet, Signal Processing: Image Communication 2019 (arXiv 1805.08699)",
                         "exact port of Off-TANet's port", off_apexnet.VARIANTS),
    "off_tanet": Entry(OffTANet, "Off-TANet, PRICAI 2021 (its public code)", "exact port", off_tanet.VARIANTS),
    "rcn": Entry(RCN, "RCN, IEEE TIP 2020 (arXiv 2006.09674)", "public code without a published count (P: mended)",
                 rcn.VARIANTS),
    "ststnet": Entry(STSTNet, "Liong et al., FG 2019 (arXiv 1902.03634)", "exact port"),
}


def fields_of(name: str) -> dict[str, Any]:
    """What can be set of a network, each with its default. Raises UserMistake where there is no such network."""
    if name not in MODELS:
        raise UserMistake(f"network {name!r} is not known{nearest(name, MODELS)}; there are: {', '.join(MODELS)}")
    return fields_with_defaults(MODELS[name].network)


def known_fields(name: str, variant: str | None = None, off: tuple[str, ...] = (),
                 options: Mapping[str, Any] = MappingProxyType({})) -> dict:
    """The fields of a network's variant, the first listed one where None, with `options` and the parts `off` switched off.

    Raises UserMistake where there is no such network, variant, part or option, or an option cannot have that value.
    """
    fields = fields_of(name)
    variants = MODELS[name].variants
    if variant is not None and variant not in variants:
        raise UserMistake(f"network {name!r} has no variant {variant!r}{nearest(variant, variants)}; "
                          f"there are: {', '.join(variants)}")
    parts = [field for field, default in fields.items() if default is True]
    for part in off:
        if part not in parts:
            raise UserMistake(f"network {name!r} has no part {part!r} to switch off{nearest(part, parts)}; "
                              f"there are: {', '.join(parts) or 'none'}")
    check_options(name, MODELS[name].network, options)
    chosen = variants[variant] if variant is not None else next(iter(variants.values()))
    return {**chosen, **options, **dict.fromkeys(off, False)}


def create(name: str, classes: int, variant: str | None = None, off: tuple[str, ...] = (), **fields) -> nn.Module:
    """The network `name` for so many classes; `variant` is the first listed one where None; `off`: parts left out; fields:
    other values than the variant's."""
    chosen = known_fields(name, variant, off, fields)
    return MODELS[name].network(classes=classes, **chosen)


def table() -> list[dict]:
    """One row for each variant of each network: name, paper, input, parameters and mflops (3 classes, one clip), evidence."""
    return [{"name": name, "variant": variant, **described(entry, entry.network(classes=3, **fields))}
            for name, entry in MODELS.items() for variant, fields in entry.variants.items()]


def described(entry: Entry, network: nn.Module) -> dict:
    """What a row of the table says of a network beside its name; of a picture that is enlarged first, how far."""
    def said(kind: str, shape: tuple[int, ...]) -> str:
        words = [kind, *(["x".join(map(str, shape))] if shape else [])]
        if kind == "flow":
            side = getattr(network, "side", shape[0])
            words += [network.flow_coding, *([f"enlarged to {side}x{side}"] if side != shape[0] else [])]
        return " ".join(words)

    seen = " + ".join(said(kind, shape) for kind, shape in input_shapes(network).items())
    return {"paper": entry.paper, "input": seen, **counted(network), "evidence": entry.evidence}


def counted(network: nn.Module) -> dict:
    """{"parameters", "mflops": millions of operations of its products and convolutions for one clip, in the form "conv"}."""
    network = network.clone(form="conv") if hasattr(network, "form") else network          # as papers count
    begin = functools.partial(network.init, train=False)                    # which answers too, so it is traced but once
    program, shapes = jax.make_jaxpr(begin, return_shape=True)(jax.random.key(0), example_inputs(network))
    return {"parameters": sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes["params"])),
            "mflops": round(operations(program.jaxpr) / 1e6, 2)}
