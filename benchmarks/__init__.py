"""Measurements. `make bench` runs them; ratios within one run count, absolute numbers depend on the machine.

Each benchmark is a module with LIMITS (its rows of docs/performance.md) and `measure(run)`, which yields their results.
"""
