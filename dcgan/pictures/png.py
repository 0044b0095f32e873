"""The chunks of a PNG file (PNG 1.2, section 3)."""

from collections.abc import Iterator

__all__ = ["SIGNATURE", "chunks"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks of a PNG file.

    Parameters
    ----------
    content : bytes
        The whole file.

    Yields
    ------
    name : bytes
        Four letters.
    chunk : bytes
        The whole chunk: length, name, data and checksum; shorter where the file ends early.
    """
    place = len(SIGNATURE)
    while place + 8 <= len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4], "big")
        yield content[place + 4 : place + 8], content[place:end]
        place = end
