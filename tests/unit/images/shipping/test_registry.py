"""Our registry, asked as an engine asks it, and as nobody should."""

import hashlib
import http.client
import json
import socket

import pytest

from edgepaas_tasks.images.shipping import registry_server
from edgepaas_tasks.images.shipping.registry import Registry

LAYER = b"layer" * 1000
DIGEST = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"


@pytest.fixture
def served(tmp_path):
    with registry_server.serve(
        Registry(tmp_path, "edgepaas/x", {"sha256:" + "0" * 64: 77})
    ) as found:
        yield found


@pytest.fixture
def ask(served):
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)

    def ask(method, path, body=None, **headers):
        chunked = not isinstance(body, bytes | None)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    yield ask
    connection.close()


def push(ask, chunks, digest=DIGEST):
    status, headers, _ = ask("POST", "/v2/edgepaas/x/blobs/uploads/")
    assert status == 202
    where = headers["Location"]
    for chunk in chunks:
        status, headers, _ = ask("PATCH", where, chunk)
        assert status == 202
        where = headers["Location"]
    return ask("PUT", f"{where}?digest={digest}", b"")


def test_what_is_pushed_in_pieces_is_pulled_whole(served, ask):
    assert ask("GET", "/v2/")[0] == 200
    assert ask("HEAD", f"/v2/edgepaas/x/blobs/{DIGEST}")[0] == 404
    assert push(ask, [LAYER[:700], iter([LAYER[700:2000], LAYER[2000:]])])[0] == 201
    assert ask("HEAD", f"/v2/edgepaas/x/blobs/{DIGEST}")[0] == 200
    status, headers, body = ask("GET", f"/v2/{served.reading}/blobs/{DIGEST}")
    assert (status, headers["Content-Length"], body) == (200, "5000", LAYER)
    status, headers, body = ask("GET", f"/v2/{served.reading}/blobs/{DIGEST}", Range="bytes=4000-")
    assert (status, headers["Content-Range"], body) == (206, "bytes 4000-4999/5000", LAYER[4000:])
    assert served.served == 6000


def test_what_arrives_with_another_digest_is_not_kept(served, ask):
    assert push(ask, [LAYER[:-1]])[0] == 400
    assert ask("HEAD", f"/v2/edgepaas/x/blobs/{DIGEST}")[0] == 404
    assert list(served.folder.iterdir()) == []


def test_a_manifest_is_found_by_its_digest(served, ask):
    text = json.dumps({"schemaVersion": 2}).encode()
    status, headers, _ = ask("PUT", "/v2/edgepaas/x/manifests/v1", text, Content_Type="a/b")
    digest = headers["Docker-Content-Digest"]
    assert (status, digest) == (201, f"sha256:{hashlib.sha256(text).hexdigest()}")
    status, headers, body = ask("GET", f"/v2/{served.reading}/manifests/{digest}")
    assert (status, headers["Content-Type"], body) == (200, "a/b", text)


def test_waived_layers_count_as_being_here_with_their_size(ask):
    status, headers, _ = ask("HEAD", f"/v2/edgepaas/x/blobs/sha256:{'0' * 64}")
    assert (status, headers["Content-Length"]) == (200, "77")
    assert ask("GET", f"/v2/edgepaas/x/blobs/sha256:{'0' * 64}")[0] == 404


def test_nobody_reads_without_the_name_or_writes_elsewhere(served, ask):
    push(ask, [LAYER])
    for path in (
        f"/v2/edgepaas/x/blobs/{DIGEST}",
        f"/v2/x/blobs/{DIGEST}",
        "/v2/edgepaas/x/manifests/v1",
        "/v2/_catalog",
        "/v2/edgepaas/x/blobs/../../etc/passwd",
        "/",
    ):
        assert ask("GET", path)[0] == 404, path
    assert ask("POST", "/v2/other/x/blobs/uploads/")[0] == 404
    assert ask("PUT", "/v2/other/x/manifests/v1", b"{}")[0] == 404
    assert ask("PATCH", f"/v2/{served.reading}/blobs/uploads/abc", b"x")[0] == 404
    assert ask("PATCH", "/v2/edgepaas/x/blobs/uploads/../../abc", b"x")[0] == 404


def test_tls_is_answered_so_that_an_engine_goes_on_without(served):
    with socket.create_connection(("127.0.0.1", served.port), 10) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
        assert connection.recv(5) == b"HTTP/"


def test_it_listens_on_the_loopback_address_only_and_beside_another(served, tmp_path):
    with registry_server.serve(Registry(tmp_path, "edgepaas/y")) as second:
        assert second.port != served.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", second.port), 1)
