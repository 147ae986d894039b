"""Commands of `nba` that come in groups, a file a group; `engine/cli.py` puts them together."""
