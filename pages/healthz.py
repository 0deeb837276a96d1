"""The address `/healthz`, which a container's health check and a proxy ask."""

import asyncio
import math
import time
from collections.abc import Callable

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

Faults = Callable[[], list[str]]
FRESH_S = 1.0
"""So long an answer is given again. Each look takes the database's lock for a moment, and anybody
may ask."""


def healthz(faults: Faults) -> APIRouter:
    """200 where nothing is wrong, else 503 with what is."""
    router = APIRouter()
    asking = asyncio.Lock()
    found: list[str] = []
    looked_at = -math.inf

    @router.get("/healthz")
    async def health() -> JSONResponse:
        nonlocal found, looked_at
        async with asking:
            if time.monotonic() - looked_at >= FRESH_S:
                found = await run_in_threadpool(faults)
                looked_at = time.monotonic()
        if found:
            return JSONResponse({"status": "unwell", "faults": found}, 503)
        return JSONResponse({"status": "ok"})

    return router
