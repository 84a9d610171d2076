"""Which server an access control list is on: told by its origin, however the link spells it."""

from __future__ import annotations

from typing import Any, cast

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from solidgate.adapters.access_documents import AccessDocuments
from solidgate.adapters.http import FetchedReply
from solidgate.adapters.solid_requests import SolidRequests
from solidgate.errors import AccessControlUnsupported
from solidgate.ports import Access, Reply


class Said(SolidRequests):
    """A pod that answers HEAD with this link: on a test's free port no port is the default one."""

    def __init__(self, link: str) -> None:
        self._link = link

    async def head(self, access: Access | None, url: str) -> Reply:
        headers = CIMultiDict({"Link": f'<{self._link}>; rel="acl"'})
        return FetchedReply(200, url, CIMultiDictProxy(headers), b"")


@pytest.mark.parametrize("link", ["https://h.example:443/x.acl", "HTTPS://H.example/x.acl", "x.acl"])
async def test_one_server_in_other_words(link: str) -> None:
    seen = await AccessDocuments(Said(link), cast(Any, None)).control("https://h.example/x")
    assert seen.url is not None


@pytest.mark.parametrize(
    "link", ["https://h.example:8443/x.acl", "http://h.example/x.acl", "https://i.example/x.acl"]
)
async def test_another_server(link: str) -> None:
    with pytest.raises(AccessControlUnsupported):
        await AccessDocuments(Said(link), cast(Any, None)).control("https://h.example/x")
