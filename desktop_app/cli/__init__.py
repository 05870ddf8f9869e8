"""The command line: one of the two faces of the host's services (contract: `design/cli.md`)."""
