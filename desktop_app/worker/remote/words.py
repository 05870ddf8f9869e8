"""What identification says of a file, said of a model on a server."""

from __future__ import annotations

from typing import Any

_WORDS = (
    ("nothing in the file or beside it says so", "nothing that the server tells says so"),
    (" is not beside the model", " cannot be seen on a server"),
    (" are not beside the model", " cannot be seen on a server"),
    ("the graph's input", "the server's description of the input"),
    ("the graph fixes it", "the server's metadata fixes it"),
    ("its metadata", "the server's metadata"),
    ("Its metadata", "The server's metadata"),
    ("the graph", "the model"),
    ("the file", "the server"),
    ("The file", "The server"),
)


def of_a_server(told: Any) -> Any:
    """The same texts, lists and objects; keys stay."""
    if isinstance(told, str):
        for file_word, server_word in _WORDS:
            told = told.replace(file_word, server_word)
        return told
    if isinstance(told, list | tuple):
        return [of_a_server(item) for item in told]
    if isinstance(told, dict):
        return {key: of_a_server(value) for key, value in told.items()}
    return told
