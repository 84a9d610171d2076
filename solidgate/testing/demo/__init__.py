"""The whole journey on real parts: a Solid server, PostgreSQL, solidgate, three people, organisations."""
