"""Typed keys under which the application and a request keep what handlers need."""

from __future__ import annotations

from collections import Counter

from aiohttp import web

from solidgate.flow.world import World
from solidgate.web.erasing import Erasures
from solidgate.web.limits import Paces, Turns

WORLD: web.AppKey[World] = web.AppKey("world", World)
STREAMS: web.AppKey[Counter[str]] = web.AppKey("streams", Counter[str])
PACES: web.AppKey[Paces] = web.AppKey("paces", Paces)
QUERIES: web.AppKey[Turns] = web.AppKey("queries", Turns)
ERASURES: web.AppKey[Erasures] = web.AppKey("erasures", Erasures)
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
