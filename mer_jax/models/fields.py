"""What may be set of a network, and the one line that says why a value may not."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, get_args

import flax.linen as nn

from mer_jax.data.clips import FLOW_CODINGS
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.models.agmenet import READOUTS
from mer_jax.models.blocks.convolution import FORMS
from mer_jax.models.blocks.enhancement import KINDS
from mer_jax.models.blocks.frame_channels import MOTIONS
from mer_jax.models.network import DTYPES
from mer_jax.models.rcn import GATED

# What some fields may be.
CHOICES = {"dtype": DTYPES, "form": FORMS, "enhancement": KINDS, "motion": MOTIONS, "readout": READOUTS,
           "flow_coding": FLOW_CODINGS, "gated": GATED}


def fields_with_defaults(network: Callable[..., nn.Module]) -> dict[str, Any]:
    """What can be set of a network's class, each with its default."""
    return {field.name: field.default for field in dataclasses.fields(network)
            if field.name not in ("classes", "parent", "name")}


def check_options(name: str, network: Callable[..., nn.Module], options: Mapping[str, Any]) -> None:
    """Raises UserMistake where the network `name` has no such option, or where an option's value is of another kind, not one
    of the choices, or out of bounds."""
    fields, types = fields_with_defaults(network), {field.name: field.type for field in dataclasses.fields(network)}
    for option, value in options.items():
        if option not in fields:
            raise UserMistake(f"network {name!r} has no option {option!r}{nearest(option, fields)}; "
                              f"there are: {', '.join(fields)}")
        said, default = f"network {name!r}, option {option}={value!r}", fields[option]
        if type(value) is not type(default) and not (isinstance(default, float) and type(value) is int):
            raise UserMistake(f"{said}: wanted a value like {default!r}")
        if option in CHOICES and value not in CHOICES[option]:
            raise UserMistake(f"{said} is not known{nearest(value, CHOICES[option])}; there are: {', '.join(CHOICES[option])}")
        if isinstance(default, float) and not 0 <= value < (1 if option == "dropout" else math.inf):
            raise UserMistake(f"{said}: wanted 0 or more" + (", less than 1" if option == "dropout" else ""))
        if type(default) is int and value < 1 or isinstance(value, tuple) and min(value, default=1) < 1:
            raise UserMistake(f"{said}: wanted 1 or more" + (" of each" if isinstance(value, tuple) else ""))
        wanted = get_args(types[option]) if isinstance(value, tuple) else ()
        if len(wanted) > 1 and ... not in wanted and len(value) != len(wanted):
            raise UserMistake(f"{said}: wanted {len(wanted)} numbers")
