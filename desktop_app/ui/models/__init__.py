"""Tables and lists that views share."""
