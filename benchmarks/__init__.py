"""Measurements. `make bench` runs them; ratios within one run count, absolute numbers depend on the machine."""
