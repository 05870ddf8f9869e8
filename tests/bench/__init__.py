"""`make bench`: Plugdeck measured beside its peers, in one run, as medians of paired runs."""
