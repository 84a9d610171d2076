"""The whole journey on real parts: a Community Solid Server, PostgreSQL, solidgate, three people, one organisation."""
