"""The pod server's log as evidence: the exact lines, colours and all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from solidgate.errors import PartnerUnavailable
from solidgate.testing.css import CommunityServer, LoggedRequest, parse_log

GREEN, PLAIN = "\x1b[32m", "\x1b[39m"
LOG = f"""2026-11-22T21:45:06.950Z [HandlerServerConfigurator] {{Primary}} {GREEN}info{PLAIN}: Received GET request for /p/?a=b
2026-11-22T21:45:07.004Z [DPoPWebIdExtractor] {{Primary}} {GREEN}info{PLAIN}: Verified WebID via DPoP-bound access token. WebID: http://localhost:1/p/card#me, client ID: x y, issuer: http://localhost:1/
2026-11-22T21:45:07.008Z [WebAclReader] {{Primary}} {GREEN}info{PLAIN}: Found applicable ACL document http://localhost:1/p/.acl
Could not build the config files
2026-11-22T21:45:07.116Z [SomethingElse] {{Primary}} {GREEN}info{PLAIN}: Received DELETE request for /not/a/request
2026-11-22T21:45:08.116Z [HandlerServerConfigurator] {{Primary}} {GREEN}info{PLAIN}: Received PUT request for /p/%20x.ttl
"""  # noqa: E501


@pytest.fixture
def server(tmp_path: Path) -> CommunityServer:
    found = CommunityServer(tmp_path / "pods", port=1)
    found.log_file.write_text(LOG)
    return found


def test_requests_are_read_from_the_log(server: CommunityServer) -> None:
    first, second = server.requests_since()
    assert first == LoggedRequest(datetime(2026, 11, 22, 21, 45, 6, 950_000, UTC), "GET", "/p/?a=b")
    assert (second.method, second.path) == ("PUT", "/p/%20x.ttl")


def test_webids_are_read_from_the_log(server: CommunityServer) -> None:
    assert server.webids_since() == ["http://localhost:1/p/card#me"]


def test_a_mark_hides_what_was_before(server: CommunityServer) -> None:
    mark = server.mark()
    assert server.requests_since(mark) == []
    with server.log_file.open("a") as log:
        log.write(LOG.splitlines()[0] + "\n")
    assert [one.path for one in server.requests_since(mark)] == ["/p/?a=b"]


def test_lines_keep_their_level() -> None:
    assert {line.level for line in parse_log(LOG)} == {"info"}
    assert len(list(parse_log(LOG))) == 5


def test_a_server_that_does_not_run_has_no_process(server: CommunityServer) -> None:
    with pytest.raises(PartnerUnavailable):
        _ = server.pid
