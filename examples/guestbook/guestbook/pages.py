"""The page, as text: no template engine, no asset from elsewhere."""

from collections.abc import Iterable
from html import escape

from guestbook.models import Entry
from guestbook.settings import Settings

STYLE = """
:root { color-scheme: light dark; --accent: #2563eb; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } .muted { opacity: .65; font-size: .875rem; }
form { display: grid; gap: .5rem; margin: 2rem 0; }
input, textarea, button { font: inherit; padding: .5rem .75rem; border-radius: .5rem; border: 1px solid #8888; }
button { background: var(--accent); color: white; border: 0; justify-self: start; cursor: pointer; }
article { border-top: 1px solid #8884; padding: .75rem 0; } article p { margin: 0; white-space: pre-wrap; }
footer { border-top: 1px solid #8884; margin-top: 2rem; padding-top: .75rem; }
"""


def home(settings: Settings, entries: Iterable[Entry]) -> str:
    facts = {
        "version": settings.version,
        "release": settings.release,
        "slot": settings.slot,
        "environment": settings.environment,
        "database": settings.database_mode,
    }
    footer = " · ".join(f"{name} <b>{escape(value)}</b>" for name, value in facts.items())
    book = "\n".join(map(_entry, entries)) or "<p class=muted>Nobody has written yet.</p>"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Guestbook</title><style>{STYLE}</style></head><body>
<h1>{escape(settings.greeting)}</h1><p class="muted">Leave a line for those who come after you.</p>
<form method="post" action="/entries">
<input name="author" maxlength="80" placeholder="Your name" required>
<textarea name="text" maxlength="1000" rows="3" placeholder="What do you want to say?" required></textarea>
<button>Sign the guestbook</button></form>
{book}
<footer class="muted">{footer}</footer></body></html>
"""


def _entry(entry: Entry) -> str:
    when = f"{entry.created_at:%d %B %Y, %H:%M}"
    return (
        f"<article><p>{escape(entry.text)}</p>"
        f'<span class="muted">{escape(entry.author)}, {when}</span></article>'
    )
