"""``/docs``: the OpenAPI document as one page that fetches nothing from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1c1c1c; background: #fff }
h2 { border-top: 1px solid #ccc; padding-top: 1rem; font-size: 1.1rem }
code, pre { font: 14px/1.4 ui-monospace, monospace; background: #f3f3f3 }
pre { padding: .75rem; overflow-x: auto } table { border-collapse: collapse }
td { padding: .15rem 1rem .15rem 0; vertical-align: top } .verb { color: #0b5cad }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Show what the server takes and gives."""
    page = "\n".join(_page(request.app.openapi()))
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])}</title>"
    yield f"<style>{_STYLE}</style><h1>{escape(info['title'])} {escape(info['version'])}</h1>"
    yield f"<p>{_text(info['description'])}</p>"
    yield "<p>For programs: <a href='/openapi.json'>openapi.json</a></p>"
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            yield f"<h2><span class=verb>{verb.upper()}</span> <code>{escape(path)}</code></h2>"
            yield from _operation(operation)


def _operation(operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<p>{_text(operation.get('description', ''))}</p><table>"
    for parameter in operation.get("parameters", ()):
        name = f"<code>{escape(parameter['name'])}</code> in {parameter['in']}"
        yield _row(name, escape(parameter.get("description", "")))
    body = operation.get("requestBody", {}).get("content", {})
    if body:
        yield _row("body", ", ".join(f"<code>{escape(kind)}</code>" for kind in body))
    for status, response in operation["responses"].items():
        yield _row(f"<b>{status}</b>", _text(response["description"]))
    yield "</table>"
    for content in (body, operation["responses"].get("200", {}).get("content", {})):
        example = content.get("application/json", {}).get("example")
        if example is not None:
            text = json.dumps(example)
            yield f"<pre>{escape(text if len(text) < 1500 else text[:1500] + ' ...')}</pre>"


def _row(name: str, text: str) -> str:
    return f"<tr><td>{name}<td>{text}"


def _text(markdown: str) -> str:
    """Turn paragraphs and code of Markdown into HTML; that is all we write."""
    parts = escape(markdown).split("`")
    coded = "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts))
    return coded.replace("\n\n", "<p>")
