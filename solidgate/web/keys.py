"""Typed keys under which the application and a request keep what handlers need."""

from __future__ import annotations

from aiohttp import web

from solidgate.flow.world import World
from solidgate.web.limits import Paces, Turns

WORLD: web.AppKey[World] = web.AppKey("world", World)
PACES: web.AppKey[Paces] = web.AppKey("paces", Paces)
QUERIES: web.AppKey[Turns] = web.AppKey("queries", Turns)

