"""docs/settings.md has every setting, with the default that it has."""

import re
from pathlib import Path

from mer_jax.settings import FREE, default_config

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"


def test_every_setting_stands_on_the_page_with_its_default_and_no_other():
    told = dict(re.findall(r"^\| `([\w.]+)` \| `(.*?)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    flat = {}
    for key, value in default_config().to_dict().items():
        whole = not isinstance(value, dict) or key in FREE
        flat.update({key: value} if whole else {f"{key}.{name}": inner for name, inner in value.items()})
    assert told == {key: repr(value).replace("'", '"') if isinstance(value, str | tuple) else repr(value)
                    for key, value in flat.items()}
