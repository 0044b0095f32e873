"""Where a picture comes from, as XMP data say it: who filled it, with what.

References
----------
Adobe, "XMP specification", part 1, 2012 (ISO 16684-1). IPTC, "Photo metadata standard", 2025.1: Digital Source Type, AI
System Used, AI System Version Used. IPTC NewsCodes, http://cv.iptc.org/newscodes/digitalsourcetype/
"""

import dataclasses
import functools
from xml.etree import ElementTree

__all__ = ["Origin", "write_xmp"]

X, RDF = "adobe:ns:meta/", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP, XMP_MM = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/xap/1.0/mm/"
IPTC, EVENT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
TIFF, NOTE = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/xmp/note/"
PREFIXES = {
    **{"x": X, "rdf": RDF, "xmp": XMP, "xmpMM": XMP_MM, "Iptc4xmpExt": IPTC, "stEvt": EVENT, "tiff": TIFF},
    **{"dc": "http://purl.org/dc/elements/1.1/", "exif": "http://ns.adobe.com/exif/1.0/"},
    **{"photoshop": "http://ns.adobe.com/photoshop/1.0/", "xmpRights": "http://ns.adobe.com/xap/1.0/rights/"},
    **{"Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "aux": "http://ns.adobe.com/exif/1.0/aux/"},
    **{"stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#", "lr": "http://ns.adobe.com/lightroom/1.0/"},
}
# About what lay in the old file beside the picture: a film, a gain map, a thumbnail, further packets.
OLD_SPACES = (
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.apple.com/HDRGainMap/1.0/",
)
OLD_NAMES = (f"{{{XMP}}}Thumbnails", f"{{{NOTE}}}HasExtendedXMP", f"{{{TIFF}}}Orientation")
PACKET_BYTES_MAX = 2**20  # of a file's own packet; longer ones hold other files

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic")
SOURCE_TYPE = f"{{{IPTC}}}DigitalSourceType"


@dataclasses.dataclass(frozen=True)
class Origin:
    """What filled the missing part of a picture.

    Attributes
    ----------
    method : str
        Name of the method.
    tool : str
        The program and its version.
    model : str, optional
        Name of the model; None where a classical method filled it.
    sha256 : str, optional
        SHA-256 of the model's file.
    """

    method: str
    tool: str
    model: str | None = None
    sha256: str | None = None


def write_xmp(packet: bytes | None, origin: Origin | None) -> tuple[bytes | None, str]:
    """Return a picture's XMP data for its completed copy.

    Parameters
    ----------
    packet : bytes, optional
        The XMP data of its file. Their properties are kept, but for those that describe the old file.
    origin : Origin, optional
        What filled the picture; None says nothing about it.

    Returns
    -------
    packet : bytes or None
        In UTF-8; None where there is nothing to say.
    note : str
        A clause for the user where the file's own data could not be kept, else empty.

    Examples
    --------
    >>> packet, _ = write_xmp(None, Origin("telea", "complete-images 0.2.0"))
    >>> b"digitalsourcetype/algorithmicallyEnhanced" in packet
    True
    """
    root, note = None, ""
    if packet:
        root = _parse(packet)
        note = "" if root is not None else "the XMP data cannot be read: left out"
    if root is not None:
        _drop_old(root)
    if origin is not None:
        root = _empty() if root is None else root
        _add_origin(root, origin)
    if root is None or not any(len(each) or len(each.attrib) > 1 for each in root.iter(f"{{{RDF}}}Description")):
        return None, note
    _register_prefixes()
    start, end = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>', '<?xpacket end="w"?>'
    return f"{start}\n{ElementTree.tostring(root, encoding='unicode')}\n{end}".encode(), note


def _parse(packet: bytes) -> ElementTree.Element | None:
    """Return the root of a packet, None where it is none that can be read."""
    try:
        text = packet.decode("utf-8-sig").strip(" \t\r\n\0")
    except UnicodeDecodeError:
        return None
    # A declaration of types could make entities that grow without bound; no packet has one.
    if len(packet) > PACKET_BYTES_MAX or "<!" in text or "\0" in text:
        return None
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, RecursionError, ValueError):
        return None
    if root.tag == f"{{{RDF}}}RDF":
        whole = ElementTree.Element(f"{{{X}}}xmpmeta")
        whole.append(root)
        root = whole
    return root if root.find(f"{{{RDF}}}RDF") is not None else None


def _empty() -> ElementTree.Element:
    """Return the root of a packet without properties."""
    root = ElementTree.Element(f"{{{X}}}xmpmeta")
    ElementTree.SubElement(root, f"{{{RDF}}}RDF")
    return root


def _drop_old(root: ElementTree.Element) -> None:
    """Remove the properties that describe the old file."""

    def is_old(name: str) -> bool:
        return name in OLD_NAMES or name[1:].partition("}")[0] in OLD_SPACES

    for description in root.findall(f"{{{RDF}}}RDF/{{{RDF}}}Description"):
        for name in [name for name in description.attrib if is_old(name)]:
            del description.attrib[name]
        for element in [element for element in description if is_old(element.tag)]:
            description.remove(element)


def _add_origin(root: ElementTree.Element, origin: Origin) -> None:
    """Say in a packet what filled the picture."""
    known = (_take(root, SOURCE_TYPE) or "").strip()
    kind = "algorithmicallyEnhanced" if origin.model is None else "compositeWithTrainedAlgorithmicMedia"
    if known.rpartition("/")[2] in TRAINED:  # such a picture is no less generated than before
        kind = known.rpartition("/")[2]
    fields = {SOURCE_TYPE: SOURCE_TYPES + kind}
    tool = f"{{{XMP}}}CreatorTool"  # by the specification the first tool that is known
    fields[tool] = _take(root, tool) or origin.tool
    said = f"method {origin.method}"
    if origin.model is not None:
        fields[f"{{{IPTC}}}AISystemUsed"], fields[f"{{{IPTC}}}AISystemVersionUsed"] = origin.model, origin.tool
        _take(root, f"{{{IPTC}}}AISystemUsed"), _take(root, f"{{{IPTC}}}AISystemVersionUsed")
        said += f", model {origin.model}, SHA-256 {origin.sha256}"
    rdf = root.find(f"{{{RDF}}}RDF")
    if rdf is None:
        raise ValueError("Expected `root` with rdf:RDF. Received: none")
    first = rdf.find(f"{{{RDF}}}Description")
    about = "" if first is None else first.get(f"{{{RDF}}}about", "")
    own = ElementTree.SubElement(rdf, f"{{{RDF}}}Description", {f"{{{RDF}}}about": about})
    for name, value in fields.items():
        ElementTree.SubElement(own, name).text = value
    history = rdf.find(f"{{{RDF}}}Description/{{{XMP_MM}}}History/{{{RDF}}}Seq")
    if history is None:
        _take(root, f"{{{XMP_MM}}}History")
        history = ElementTree.SubElement(ElementTree.SubElement(own, f"{{{XMP_MM}}}History"), f"{{{RDF}}}Seq")
    event = ElementTree.SubElement(history, f"{{{RDF}}}li", {f"{{{RDF}}}parseType": "Resource"})
    for name, value in (("action", "edited"), ("softwareAgent", origin.tool), ("parameters", said)):
        ElementTree.SubElement(event, f"{{{EVENT}}}{name}").text = value


def _take(root: ElementTree.Element, name: str) -> str | None:
    """Remove a property from a packet; return its value where that is a text."""
    found = None
    for description in root.findall(f"{{{RDF}}}RDF/{{{RDF}}}Description"):
        found = description.attrib.pop(name, found)
        for element in description.findall(name):
            found = element.text or found
            description.remove(element)
    return found


@functools.cache
def _register_prefixes() -> None:
    """Make the well-known spaces appear under their usual prefixes."""
    for prefix, space in PREFIXES.items():
        ElementTree.register_namespace(prefix, space)
