"""The address `/healthz`, which a container's health check and a proxy ask."""

from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import JSONResponse

Faults = Callable[[], list[str]]


def healthz(faults: Faults) -> APIRouter:
    """200 where nothing is wrong, else 503 with what is."""
    router = APIRouter()

    @router.get("/healthz")
    def health() -> JSONResponse:
        found = faults()
        if found:
            return JSONResponse({"status": "unwell", "faults": found}, 503)
        return JSONResponse({"status": "ok"})

    return router
