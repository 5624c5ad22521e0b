"""What every part of the settings is made of."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]


Port = Annotated[int, Field(ge=1, le=65535)]


Seconds = Annotated[float, Field(gt=0, le=3600)]


# What a pattern means, in the words of a message: each pattern of a setting is one of these.
MEANINGS = {
    r"^[a-z][a-z0-9-]{0,30}$": "a lower-case letter, then at most 30 lower-case letters, digits and hyphens",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "the name of a variable: letters, digits and underscores",
    r"^([A-Za-z_][A-Za-z0-9_]*)?$": "a name of letters, digits and underscores, or nothing",
    r"^[1-9][0-9]*[kmg]$": "a size such as 512m: a whole number, then k, m or g",
    r"^([1-9][0-9]*[kmg])?$": "a size such as 10g, or nothing",
    r"^[0-9]+[kmg]?$": "a size such as 10m, or 0",
    r"^[^\s:]*$": "a name without spaces and colons",
    r"^/[A-Za-z0-9._/-]+$": "an absolute path of letters, digits and . _ - /",
    r"^[A-Z][A-Z_]*$": "the name of a capability in capital letters, such as NET_BIND_SERVICE",
    r"^/[^\s]*$": "a path that begins with / and has no spaces",
    r"^(/[^\s]*)?$": "a path that begins with / and has no spaces, or nothing",
    r"^[A-Za-z0-9._* -]+$": "host names with spaces between them, or _",
    r"^(/[A-Za-z0-9_.-]+)+$": "a path such as /shop/prod",
    r"^[A-Za-z0-9._/-]+$": "a path of letters, digits and . _ - /",
    r"^[^\n]*$": "a text of one line",
    r"^[^\s@]+@[^\s@]+$": "an e-mail address",
    r"^(https?|file)://[^\s'\"]+$": "an address that begins with https://, http:// or file://",
    r"^((https?|file)://[^\s'\"]+)?$": "an address that begins with https://, http:// or file://, or nothing",
    r"^([0-9][0-9A-Za-z.:~+-]*)?$": "the beginning of a version such as 27.5, or nothing",
    r"^[A-Za-z0-9.:_-]*$": "a host name or an address, or nothing",
    r"^([4-9]|[1-9][0-9]|[12][0-9][0-9])k$": "a size of 4k to 299k",
    r"^vol-[0-9a-f]{8,17}$": "the id of a volume, such as vol-0123456789abcdef0",
    r"^/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$": "an absolute path of at least two folders, such as /var/lib/docker",
    r"^(/dev/[A-Za-z0-9/_-]+)?$": "the path of a device, such as /dev/xvdf, or nothing",
    r"^[A-Za-z0-9.:_-]+$": "a host name, an address or an alias: letters, digits and . : _ -",
    r"^([A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*)?$": "a registry such as registry.example.org/shop, or nothing",
}  # fmt: skip


def meaning(pattern: str) -> str:
    """What a text is to be that does not match."""
    return MEANINGS.get(pattern, f"a text that matches {pattern}")


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    found = []
    for one in value:
        try:
            network = ipaddress.ip_network(one, strict=False)
        except ValueError:
            raise ValueError(f"{one!r} is no address and no network like 192.0.2.0/24") from None
        if network.is_loopback:
            raise ValueError(f"{one}: the host itself is let in anyway")
        found.append(str(network))
    return tuple(dict.fromkeys(found))


Networks = Annotated[tuple[str, ...], AfterValidator(_networks)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
