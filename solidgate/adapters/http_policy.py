"""Every limit of the way out, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from solidgate.adapters.http_schedule import Pace


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """Every limit of the way out; times in seconds. Names shared with the settings' ``http`` section mean
    the same. ``allow_private_addresses`` also allows plain http and any port: development only.
    """

    allow_private_addresses: bool = False
    allowed_ports: tuple[int, ...] = (443,)
    connect_timeout: float = 5
    total_timeout: float = 30
    keepalive_timeout: float = 4
    first_window: int = 2
    per_origin: int = 16
    total_connections: int = 64
    requests_per_second: float = 0
    patience: float = 15
    longest_pause: float = 3600
    breaker_failures: int = 5
    breaker_window: float = 60
    breaker_rest: float = 60
    ca_file: str = ""
    max_decoded_ratio: float = 20
    ratio_from_bytes: int = 1024 * 1024
    min_rate_bytes: float = 1000
    rate_grace: float = 5
    user_agent: str = "solidgate"

    def pace(self) -> Pace:
        """The limits of turns among them."""
        return Pace(
            start=self.first_window,
            most=self.per_origin,
            total=self.total_connections,
            per_second=self.requests_per_second,
            patience=self.patience,
            longest_pause=self.longest_pause,
            failures=self.breaker_failures,
            failure_seconds=self.breaker_window,
            rest_seconds=self.breaker_rest,
        )
