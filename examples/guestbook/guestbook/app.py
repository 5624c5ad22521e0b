"""The application: a page, an API, and the answers that a deploy asks for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Form, Query, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field
from sqlalchemy import select

from guestbook import database, health, logs, pages
from guestbook.models import Entry
from guestbook.settings import settings

LATEST = 50  # entries on the page
logs.configure(settings.log_format)

Author = Annotated[str, Field(min_length=1, max_length=80)]
Text = Annotated[str, Field(min_length=1, max_length=1000)]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    if settings.migrate:
        database.upgrade()
    yield


app = FastAPI(title="Guestbook", lifespan=lifespan)


class NewEntry(BaseModel):
    author: Author
    text: Text


@app.get("/", response_class=HTMLResponse)
def home() -> str:
    return pages.home(settings, _latest(LATEST))


@app.post("/entries")
def sign(author: Annotated[Author, Form()], text: Annotated[Text, Form()]) -> Response:
    _add(author, text)
    return RedirectResponse("/", status_code=303)


@app.get("/api/entries")
def entries(limit: Annotated[int, Query(ge=1, le=500)] = LATEST) -> list[dict[str, object]]:
    return [
        {"id": one.id, "author": one.author, "text": one.text, "created_at": one.created_at}
        for one in _latest(limit)
    ]


@app.post("/api/entries", status_code=201)
def add(entry: NewEntry) -> dict[str, object]:
    return {"id": _add(entry.author, entry.text), **version()}


@app.get("/version")
def version() -> dict[str, str]:
    return {
        "version": settings.version,
        "release": settings.release,
        "slot": settings.slot,
        "environment": settings.environment,
        "database_mode": settings.database_mode,
    }


@app.get("/health/live")
def live() -> dict[str, str]:
    return {"status": "live"}


@app.get("/health/ready")
def ready(response: Response) -> dict[str, object]:
    """Whether a query on our table works."""
    response.status_code, body = health.ready(
        database.engine, lambda: _latest(1), settings.database_mode
    )
    return body


def _latest(limit: int) -> list[Entry]:
    with database.Read() as session:
        return list(session.scalars(select(Entry).order_by(Entry.id.desc()).limit(limit)))


def _add(author: str, text: str) -> int:
    with database.Write.begin() as session:
        entry = Entry(author=author, text=text)
        session.add(entry)
        session.flush()
        return entry.id
