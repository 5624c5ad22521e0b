"""What every part of the settings is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]


Port = Annotated[int, Field(ge=1, le=65535)]


Seconds = Annotated[float, Field(gt=0, le=3600)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
