"""An app that is broken in the way that $BREAK says; with nothing said it is well."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOW = os.environ.get("BREAK", "")


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b""
        if HOW == "https" and self.headers["X-Forwarded-Proto"] != "https":
            self.send_response(301)
            self.send_header("Location", f"https://shop.example{self.path}")
        elif HOW == "host" and self.headers["Host"] != "shop.example":
            print("Invalid HTTP_HOST header: you may need to add it to ALLOWED_HOSTS", flush=True)
            self.send_response(400)
        elif HOW == "method":
            self.send_response(405)
        elif HOW == "login":
            self.send_response(302)
            self.send_header("Location", "/login?next=/")
        elif HOW == "headers":
            body = json.dumps(self.headers.items()).encode()
            self.send_response(200)
            size = int(self.path.removeprefix("/big/")) if "/big/" in self.path else 0
            for part in range(0, size, 1000):
                self.send_header(
                    "Set-Cookie", f"part{part}=".ljust(1000 - len("Set-Cookie: \r\n"), "x")
                )
        elif HOW == "proxy" and self.path == "/public":
            print("no proxies here", os.environ.get("TOKEN"), flush=True)
            self.send_response(500)
        else:
            self.send_response(200 if self.path.startswith("/health") else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def fail():
    if HOW == "variable":
        os.environ["API_KEY"]
    if HOW == "import":
        import a_module_that_is_not_there  # noqa: F401
    if HOW == "database":
        import sqlalchemy

        sqlalchemy.create_engine("postgresql+psycopg://app:x@127.0.0.1:1/shop").connect()
    if HOW == "memory":
        kept = []
        while True:
            kept.append(b"x" * 2**20)
    if HOW == "full":
        with open("/data/filler", "wb") as file:
            while True:
                file.write(b"x" * 2**16)
    if HOW == "processor":
        # A program as another processor has it: the same file, its ELF header says AArch64 (e_machine 183, elf(5)).
        with open("/bin/true", "rb") as file:
            program = bytearray(file.read())
        program[18:20] = (183).to_bytes(2, "little")
        with open(os.open("/tmp/foreign", os.O_WRONLY | os.O_CREAT, 0o755), "wb") as file:
            file.write(program)
        os.execv("/tmp/foreign", ["foreign"])
    if HOW == "mount":
        open("/data/locked").close()


if __name__ == "__main__":
    fail()
    where = ("127.0.0.1" if HOW == "loopback" else "0.0.0.0", 9000 if HOW == "port" else 8000)
    print("serving", file=sys.stderr, flush=True)
    ThreadingHTTPServer(where, App).serve_forever()
