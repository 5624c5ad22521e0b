"""What the environment says, read once."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """`release` and `slot` are empty where nobody deployed us: on a laptop."""

    database_url: str
    database_mode: str
    greeting: str
    version: str
    release: str
    slot: str
    environment: str
    migrate: bool
    log_format: str


def read(environ: "os._Environ[str] | dict[str, str]" = os.environ) -> Settings:
    url = environ.get("DATABASE_URL", "sqlite:///guestbook.db")
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            url = "postgresql+psycopg://" + url.removeprefix(prefix)
    sqlite = url.startswith("sqlite")
    return Settings(
        database_url=url,
        database_mode=environ.get("FINAL_DB_MODE", "sqlite_only" if sqlite else "postgres_only"),
        greeting=environ.get("GREETING", "hello"),
        version=environ.get("EDGEPAAS_VERSION", "development"),
        release=environ.get("EDGEPAAS_RELEASE", "0"),
        slot=environ.get("EDGEPAAS_SLOT", "none"),
        environment=environ.get("EDGEPAAS_ENVIRONMENT", "local"),
        log_format=environ.get("LOG_FORMAT")
        or ("json" if environ.get("EDGEPAAS_PLACE") == "host" else "text"),
        migrate=sqlite or environ.get("RUN_MIGRATIONS", "").lower() == "true",
    )


settings = read()
