"""A runner in numbers: Prometheus metrics and health, for whoever watches many of them."""
