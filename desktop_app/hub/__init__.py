"""The only room that knows the hub's JSON keys: the socket, the HTTP API and the local demo hub."""
