"""Measures the engine: each stage alone, and a whole `Decide` beside a bare echo."""
