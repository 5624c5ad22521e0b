"""The example app with more in it: answers that take long, WebSockets, and failures on request.

`DOCKERFILE` goes before its code, `CODE` to the end of its app.py. With FAIL_AFTER=SECONDS everything that came through
a proxy fails, that long after the first such request; the app's own port answers as ever.
"""

from tests.lab.conftest import BEHIND_NGINX

DOCKERFILE = "RUN /venv/bin/pip install --quiet --no-cache-dir websockets==13.1\n"

CODE = """
import asyncio
import os
import time

from fastapi import Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

FAIL_AFTER = float(os.environ.get("FAIL_AFTER", "inf"))
asked: list[float] = []


@app.middleware("http")
async def fail(request: Request, call_next):
    if behind_nginx(request):
        asked.append(time.monotonic())
        if asked[-1] - asked[0] >= FAIL_AFTER:
            return Response(status_code=500)
        del asked[1:]
    return await call_next(request)


@app.get("/stream")
async def stream(seconds: int) -> StreamingResponse:
    async def lines():
        for number in range(seconds * 5):
            yield f"{settings.release} {number}\\n"
            await asyncio.sleep(0.2)

    return StreamingResponse(lines(), headers={"X-Accel-Buffering": "no"})


@app.post("/upload")
async def upload(request: Request) -> Response:
    return Response(f"{settings.release} {len(await request.body())}")


@app.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(f"{settings.release} {await socket.receive_text()}")
    except WebSocketDisconnect:
        pass
"""


def enrich(app) -> None:
    """Puts it into a copy of the example app."""
    dockerfile = app / "Dockerfile"
    before, after = dockerfile.read_text().split("# Below this line is code")
    dockerfile.write_text(f"{before}{DOCKERFILE}# Below this line is code{after}")
    code = app / "guestbook" / "app.py"
    code.write_text(code.read_text() + BEHIND_NGINX + CODE)
