"""An app that is broken in the way that $BREAK says; with nothing said it is well."""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOW = os.environ.get("BREAK", "")


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        if HOW == "https":
            self.send_response(301)
            self.send_header("Location", f"https://shop.example{self.path}")
        elif HOW == "proxy" and "X-Forwarded-For" in self.headers:
            print("no proxies here", os.environ.get("TOKEN"), flush=True)
            self.send_response(500)
        else:
            self.send_response(200 if self.path.startswith("/health") else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

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
