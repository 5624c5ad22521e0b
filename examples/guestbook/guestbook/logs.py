"""Log lines: text for people, JSON for programs."""

import json
import logging


class Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(form: str) -> None:
    """uvicorn has set its handlers up before it loads us."""
    handlers = logging.getLogger("uvicorn").handlers
    logging.getLogger("edgepaas").handlers = handlers
    if form == "json":
        for handler in (*handlers, *logging.getLogger("uvicorn.access").handlers):
            handler.setFormatter(Json())
