"""Notices, sent to a real HTTP server and a real mail server on this machine."""

import datetime
import ipaddress
import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import AuthResult

from edgepaas_tasks.console import task as boundary
from edgepaas_tasks.env.values.redaction import Redactor
from edgepaas_tasks.events import notices
from edgepaas_tasks.lab.hosts import free_ports
from edgepaas_tasks.settings import Email, Notify, Webhook

PASSWORD = "p%ss w0rd"


@pytest.fixture(autouse=True)
def known(monkeypatch):
    fresh = Redactor()
    for module in (boundary, notices):
        monkeypatch.setattr(module, "redactor", lambda: fresh)
    return fresh


class Chat(BaseHTTPRequestHandler):
    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], json.loads(data)))
        time.sleep(self.server.delay)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def chat():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    server.daemon_threads = True
    server.got, server.status, server.delay = [], 200, 0
    server.url = f"http://127.0.0.1:{server.server_port}/services/s3cret/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def webhook(**more):
    return Notify(webhook=Webhook(**{"url_variable": "CHAT_URL", **more}))


def send(notify, kinds=("success",), text="deployed <v1> & more"):
    return notices.send(notify, set(kinds), "shop in test", text)


def test_a_webhook_gets_text_as_slack_takes_it(chat, monkeypatch, known):
    monkeypatch.setenv("CHAT_URL", chat.url)
    known.add("t0ken-of-the-app")
    assert send(webhook(), text="deployed <v1> & t0ken-of-the-app") == []
    assert send(Notify(webhook=Webhook(url=chat.url)), ["failure"], "no") == []
    assert chat.got == [
        ("/services/s3cret/hook", "application/json", {"text": "deployed &lt;v1&gt; &amp; ***"}),
        ("/services/s3cret/hook", "application/json", {"text": "no"}),
    ]


def test_only_what_was_asked_for_is_sent(chat, monkeypatch):
    monkeypatch.setenv("CHAT_URL", chat.url)
    only = webhook(on=("failure", "rollback"))
    assert send(only, ["success"], "1") == []
    assert send(only, ["failure"], "2") == []
    assert send(only, ["failure", "rollback"], "3") == []
    assert [body["text"] for _, _, body in chat.got] == ["2", "3"]
    assert send(Notify(), ["failure"]) == []


def test_a_webhook_that_fails_is_one_line_without_its_address(chat, monkeypatch):
    monkeypatch.setenv("CHAT_URL", chat.url)
    chat.status = 410
    assert send(webhook()) == ["the webhook was not sent: it answered 410"]
    chat.status, chat.delay = 200, 60
    begun = time.monotonic()
    assert send(webhook(timeout=0.5)) == ["the webhook was not sent: no answer within 0.5 s"]
    assert time.monotonic() - begun < 30
    monkeypatch.setenv("CHAT_URL", "http://127.0.0.1:1/s3cret")
    (line,) = send(webhook())
    assert "refused" in line
    assert "s3cret" not in line
    monkeypatch.setenv("CHAT_URL", "file:///etc/s3cret")
    (line,) = send(webhook())
    assert "does not begin with https://" in line
    monkeypatch.delenv("CHAT_URL")
    assert send(webhook()) == ["the webhook was not sent: ValueError: CHAT_URL is not set"]


@pytest.mark.parametrize(
    "error", [TimeoutError("timed out"), urllib.error.URLError(TimeoutError())]
)
def test_a_time_out_is_told_alike_whoever_notices_it(monkeypatch, error):
    def raise_it(*_, **__):
        raise error

    monkeypatch.setenv("CHAT_URL", "http://127.0.0.1:1/")
    monkeypatch.setattr(urllib.request, "urlopen", raise_it)
    assert send(webhook(timeout=7)) == ["the webhook was not sent: no answer within 7 s"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1: the paths of it and of its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / "crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "crt", folder / "key"


class Box(Message):
    def __init__(self):
        super().__init__()
        self.got = []

    def handle_message(self, message):
        self.got.append(message)


@contextmanager
def mail_server(certificate, *, tls="starttls"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    box = Box()

    def authenticate(server, session, envelope, mechanism, data):
        good = (data.login, data.password) == (b"bot", PASSWORD.encode())
        return AuthResult(success=good, handled=False)

    (port,) = free_ports(1)
    secure = {"ssl_context": context} if tls == "tls" else {"tls_context": context}
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=port,
        ready_timeout=60,
        authenticator=authenticate,
        auth_required=True,
        require_starttls=tls == "starttls",
        auth_require_tls=tls == "starttls",
        **secure,
    )
    controller.start()
    try:
        yield port, box
    finally:
        controller.stop()


def email(port, **more):
    return Notify(
        email=Email(
            **{
                "server": "127.0.0.1",
                "port": port,
                "user": "bot",
                "password_variable": "MAIL_PASSWORD",
                "sender": "deploys@shop.example",
                "to": ("ops@shop.example", "cto@shop.example"),
                "timeout": 20,
                **more,
            }
        )
    )


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_an_email_goes_out_over_tls_with_a_password_of_the_environment(
    certificate, monkeypatch, known, tls
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    known.add("t0ken-of-the-app")
    with mail_server(certificate, tls=tls) as (port, box):
        text = "deployed v1\nwith t0ken-of-the-app"
        assert send(email(port, tls=tls), text=text) == []
    (got,) = box.got
    assert got["Subject"] == "shop in test"
    assert got["From"] == "deploys@shop.example"
    assert got["X-RcptTo"] == "ops@shop.example, cto@shop.example"
    assert got.get_payload().split() == ["deployed", "v1", "with", "***"]
    assert known(f"a {PASSWORD} b") == "a *** b"


def test_an_email_is_never_sent_without_a_certificate_that_is_trusted(certificate, monkeypatch):
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with mail_server(certificate) as (port, box):
        (line,) = send(email(port))
        assert "SSLCertVerificationError" in line
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        monkeypatch.setenv("MAIL_PASSWORD", "wrong s3cret")
        (line,) = send(email(port))
        assert "SMTPAuthenticationError" in line
        assert "s3cret" not in line
    assert box.got == []


def test_both_are_sent_though_one_fails(chat, monkeypatch):
    monkeypatch.setenv("CHAT_URL", chat.url)
    both = Notify(webhook=Webhook(url_variable="CHAT_URL"), email=email(1).email)
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    (line,) = send(both)
    assert line.startswith("the e-mail was not sent: ConnectionRefusedError")
    assert len(chat.got) == 1
