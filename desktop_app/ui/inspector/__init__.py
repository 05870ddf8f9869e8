"""Everything known of one job."""
