"""Notices of what a deploy came to: a Slack-compatible webhook, e-mail. That one fails changes nothing else."""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from email.message import EmailMessage

from edgepaas_tasks.console.task import conceal, redactor
from edgepaas_tasks.settings import Email, Notify, Webhook

LONGEST = 2000  # characters of a message


def send(notify: Notify, kinds: set[str], subject: str, text: str) -> list[str]:
    """Send to whom one of `kinds` (success, failure, rollback) interests. A line for each that failed; never raises.

    It takes no longer than the longest of their time-outs.
    """
    subject, text = redactor()(subject), redactor()(text)[:LONGEST]
    work: list[tuple[str, float, Callable[[], None]]] = []
    if (webhook := notify.webhook) and kinds & set(webhook.on):
        work.append(("the webhook", webhook.timeout, lambda: _post(webhook, text)))
    if (email := notify.email) and kinds & set(email.on):
        work.append(("the e-mail", email.timeout, lambda: _mail(email, subject, text)))
    return _together(work)


def _together(work: Sequence[tuple[str, float, Callable[[], None]]]) -> list[str]:
    """All at once, none waited for past its time: a socket's own time-out begins anew with each byte."""
    failed: dict[str, str] = {}

    def attempt(name: str, seconds: float, send: Callable[[], None]) -> None:
        try:
            send()
            failed[name] = ""
        except Exception as error:
            failed[name] = _reason(error, seconds)

    threads = [
        (threading.Thread(target=attempt, args=(name, seconds, send), daemon=True), name, seconds)
        for name, seconds, send in work
    ]
    for thread, _, _ in threads:
        thread.start()
    for thread, name, seconds in threads:
        thread.join(seconds)
        failed.setdefault(name, _reason(TimeoutError(), seconds))
    return [f"{name} was not sent: {why}" for name, why in failed.items() if why]


def _post(webhook: Webhook, text: str) -> None:
    url = webhook.url or _secret(webhook.url_variable)
    conceal(url)
    if not url.startswith(("https://", "http://")):
        raise ValueError("its address does not begin with https://")
    # Slack reads these three as markup. https://docs.slack.dev/messaging/formatting-message-text (escaping)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    request = urllib.request.Request(
        url, json.dumps({"text": escaped}).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=webhook.timeout).close()


def _mail(email: Email, subject: str, text: str) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, email.sender, ", ".join(email.to)
    message.set_content(text)
    password = _secret(email.password_variable) if email.password_variable else ""
    if password:
        conceal(password)
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if email.tls == "tls":
        server = smtplib.SMTP_SSL(email.server, email.port, timeout=email.timeout, context=context)
    else:
        server = smtplib.SMTP(email.server, email.port, timeout=email.timeout)
    with server:
        if email.tls == "starttls":
            server.starttls(context=context)
        if email.user:
            server.login(email.user, password)
        server.send_message(message)


def _secret(variable: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise ValueError(f"{variable} is not set")
    return value


def _reason(error: Exception, seconds: float) -> str:
    """One line, without what the other side said at length."""
    if isinstance(getattr(error, "reason", error), TimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    return redactor()(" ".join(f"{type(error).__name__}: {error}".split()))[:200]
