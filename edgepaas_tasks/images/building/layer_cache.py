"""What this machine's engine made of layers when it compressed them: digest and size, by the layer's own digest.

A cache: without it the layers below a change are compressed once more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

MOST = 500  # layers that are remembered

Packed = tuple[str, int]  # digest and size in bytes


def recall() -> dict[str, Packed]:
    """Empty where nothing, or nothing of use, was kept."""
    try:
        data = json.loads(_path().read_text(encoding="utf-8"))
        return {str(key): (str(digest), int(size)) for key, (digest, size) in data.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def keep(layers: Mapping[str, Packed]) -> None:
    """Remember these too, the newest last. Never raises for a folder that cannot be written."""
    known = {key: value for key, value in recall().items() if key not in layers}
    kept = dict(list({**known, **layers}.items())[-MOST:])
    with suppress(OSError):
        _path().parent.mkdir(parents=True, exist_ok=True)
        new = _path().with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(kept), encoding="utf-8")
        new.rename(_path())


def _path() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "edgepaas" / "layers.json"
