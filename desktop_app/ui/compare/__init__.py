"""Two answers on one asset, and two profiles on the same jobs."""
