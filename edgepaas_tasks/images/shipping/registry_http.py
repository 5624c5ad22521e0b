"""What a Docker engine needs of a registry's protocol, to push into one of ours and to pull from it.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from typing import IO
from urllib.parse import parse_qs, urlsplit

from edgepaas_tasks.images.shipping.registry import Registry

CHUNK = 256 * 1024  # bytes at a time

_MANIFEST = re.compile(r"/v2/(.+)/manifests/([^/]+)")
_BLOB = re.compile(r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})")
_UPLOAD = re.compile(r"/v2/(.+)/blobs/uploads/([0-9a-f]*)")


class Handler(BaseHTTPRequestHandler):
    """One connection to the registry `of`."""

    protocol_version = "HTTP/1.1"
    # An engine tries TLS first and goes on without it only where HTTP/1.1 answers, not the bare text of HTTP/0.9.
    default_request_version = "HTTP/1.1"
    of: Registry

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def do_GET(self) -> None:
        self._read(body=True)

    def do_HEAD(self) -> None:
        self._read(body=False)

    def do_POST(self) -> None:
        """Begins an upload. Also for a mount from elsewhere, or all in one: the client then uploads as ever."""
        match = _UPLOAD.fullmatch(urlsplit(self.path).path)
        for _ in self._body():
            pass
        if match and match[1] == self.of.writing:
            self._continue(secrets.token_hex(16), 0)
        else:
            self._refuse("NAME_UNKNOWN")

    def do_PATCH(self) -> None:
        match = _UPLOAD.fullmatch(urlsplit(self.path).path)
        if match and match[1] == self.of.writing and match[2]:
            with self.of.upload(match[2]).open("ab") as file:
                self._copy(file)
                self._continue(match[2], file.tell())
        else:
            self._refuse("BLOB_UPLOAD_UNKNOWN")

    def do_PUT(self) -> None:
        """Ends an upload, or stores a manifest."""
        parts = urlsplit(self.path)
        manifest, upload = _MANIFEST.fullmatch(parts.path), _UPLOAD.fullmatch(parts.path)
        if manifest and manifest[1] == self.of.writing:
            text = b"".join(self._body())
            digest = self.of.add(self.headers.get("Content-Type", ""), text)
            self._created(f"manifests/{digest}", digest)
        elif upload and upload[1] == self.of.writing and upload[2]:
            self._complete(upload[2], parse_qs(parts.query).get("digest", [""])[0])
        else:
            self._refuse("NAME_UNKNOWN")

    def _read(self, *, body: bool) -> None:
        blob, manifest = _BLOB.fullmatch(self.path), _MANIFEST.fullmatch(self.path)
        if self.path.rstrip("/") == "/v2":
            self._answer(200, {}, b"{}", body=body)
        elif blob:
            self._blob(blob[1], blob[2], body=body)
        elif manifest and manifest[1] == self.of.reading and manifest[2] in self.of.manifests:
            media_type, text = self.of.manifests[manifest[2]]
            headers = {"Content-Type": media_type, "Docker-Content-Digest": manifest[2]}
            self._answer(200, headers, text, body=body)
        else:
            self._refuse("MANIFEST_UNKNOWN", body=body)

    def _blob(self, name: str, digest: str, *, body: bool) -> None:
        path = self.of.path(digest)
        size = path.stat().st_size if path.is_file() else None
        if name == self.of.writing and not body:
            size = self.of.assumed_present.get(digest) if size is None else size
        elif name != self.of.reading:
            size = None
        if size is None:
            self._refuse("BLOB_UNKNOWN", body=body)
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = min(int(asked[1]), size) if asked else 0
        headers = {"Docker-Content-Digest": digest, "Content-Length": str(size - first)}
        if first:
            headers["Content-Range"] = f"bytes {first}-{size - 1}/{size}"
        self._answer(206 if first else 200, headers, body=False)
        if body:
            with path.open("rb") as file:
                file.seek(first)
                while data := file.read(CHUNK):
                    self.wfile.write(data)
                    self.of.count(len(data))

    def _complete(self, upload: str, wanted: str) -> None:
        partial = self.of.upload(upload)
        with partial.open("ab") as file:
            self._copy(file)
        with partial.open("rb") as file:
            found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        if found == wanted:
            partial.rename(self.of.path(found))
            self._created(f"blobs/{found}", found)
        else:
            partial.unlink()
            self._refuse("DIGEST_INVALID", 400)

    def _copy(self, file: IO[bytes]) -> None:
        for data in self._body():
            file.write(data)

    def _body(self) -> Iterator[bytes]:
        """The request's content, of a length that is known or in chunks (RFC 9112, 7.1)."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            yield from self._exactly(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield from self._exactly(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            data = self.rfile.read(min(size, CHUNK))
            if not data:
                raise ConnectionError("the upload was cut off")
            size -= len(data)
            yield data

    def _continue(self, upload: str, size: int) -> None:
        where = f"/v2/{self.of.writing}/blobs/uploads/{upload}"
        headers = {"Location": where, "Docker-Upload-UUID": upload}
        self._answer(202, {**headers, "Range": f"0-{max(0, size - 1)}"})

    def _created(self, what: str, digest: str) -> None:
        where = f"/v2/{self.of.writing}/{what}"
        self._answer(201, {"Location": where, "Docker-Content-Digest": digest})

    def _refuse(self, code: str, status: int = 404, *, body: bool = True) -> None:
        text = json.dumps({"errors": [{"code": code}]}).encode()
        # Whatever the request still has to say is not read.
        headers = {} if self.command in ("GET", "HEAD") else {"Connection": "close"}
        self._answer(status, headers, text, body=body)

    def _answer(
        self, status: int, headers: Mapping[str, str], text: bytes = b"", *, body: bool = True
    ) -> None:
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        for name, value in {"Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(text)
