"""The local demo hub and its sample project; start reading at `server.DemoHub`."""
