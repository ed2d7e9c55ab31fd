"""The page: one HTML file, a style sheet and ES modules, served as they are."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse

STATIC = Path(__file__).resolve().parents[1] / "static"

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> FileResponse:
    """The page itself; everything else it needs is under /static."""
    return FileResponse(STATIC / "index.html", media_type="text/html; charset=utf-8")
