import io
import re
from xml.etree import ElementTree

import pytest
from PIL import Image, PngImagePlugin

from dcgan.pictures.files import read_file
from dcgan.pictures.origin import Origin, write_xmp
from dcgan.pictures.saving import save_picture

MODEL = Origin("balanced", "dcgan-face-completion 1.0", "faces-64", "ab12")
TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:own="urn:own" xmp:CreatorTool="a scanner" tiff:Orientation="6"
 xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" own:rating="5">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">gr\u00e4ndmother</rdf:li></rdf:Alt></dc:title>
<xmpMM:History xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#">
<rdf:Seq><rdf:li stEvt:action="created"/></rdf:Seq></xmpMM:History>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def values(packet, name):
    """Return the texts of all elements and attributes with a local name."""
    root = ElementTree.fromstring(packet.decode())
    found = [element.text for element in root.iter() if element.tag.endswith(f"}}{name}")]
    return found + [value for each in root.iter() for key, value in each.attrib.items() if key.endswith(f"}}{name}")]


@pytest.mark.parametrize(
    ("origin", "kind"),
    [(MODEL, "compositeWithTrainedAlgorithmicMedia"), (Origin("telea", "tool"), "algorithmicallyEnhanced")],
)
def test_what_filled_a_picture(origin, kind):
    packet, note = write_xmp(None, origin)
    assert note == ""
    assert values(packet, "DigitalSourceType") == [TYPES + kind]
    assert values(packet, "CreatorTool") == [origin.tool]
    assert values(packet, "softwareAgent") == [origin.tool]
    assert values(packet, "AISystemUsed") == ([origin.model] if origin.model else [])
    assert values(packet, "parameters") == [
        "method balanced, model faces-64, SHA-256 ab12" if origin.model else "method telea"
    ]
    assert b"<Iptc4xmpExt:DigitalSourceType>" in packet
    assert write_xmp(None, origin)[0] == packet


def test_the_files_own_properties_stay():
    packet, note = write_xmp(PACKET.encode(), MODEL)
    assert note == ""
    assert values(packet, "li")[0] == "gr\u00e4ndmother"
    assert values(packet, "rating") == ["5"]
    assert values(packet, "CreatorTool") == ["a scanner"]
    assert sorted(values(packet, "action")) == ["created", "edited"]
    assert not values(packet, "Orientation")
    assert not values(packet, "Version")
    again, _ = write_xmp(packet, Origin("telea", "tool"))
    assert values(again, "DigitalSourceType") == [TYPES + "compositeWithTrainedAlgorithmicMedia"]  # no less than before
    assert len(values(again, "action")) == 3


def test_nothing_is_said_about_an_untouched_picture():
    assert write_xmp(None, None) == (None, "")
    packet, _ = write_xmp(PACKET.encode(), None)
    assert not values(packet, "DigitalSourceType")
    assert values(packet, "rating") == ["5"]


@pytest.mark.parametrize(
    "packet",
    [
        *(b"no xml", b"<a/>", b"\xff\xfe<", b"<x>" * 200_000, PACKET.encode() + b" " * 2**20, PACKET.encode("utf-16")),
        PACKET.replace("<x:xmp", "<!DOCTYPE a><x:xmp").encode(),
    ],
)
def test_data_that_cannot_be_read_are_left_out(packet):
    alone, note = write_xmp(packet, MODEL)
    assert note == "the XMP data cannot be read: left out"
    assert alone == write_xmp(None, MODEL)[0]
    assert write_xmp(packet, None) == (None, note)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_files_hold_it(suffix, tmp_path):
    picture = Image.new("RGB", (8, 8), (90, 100, 110))
    own = PngImagePlugin.PngInfo()
    own.add_itxt("XML:com.adobe.xmp", PACKET)
    options = {".png": {"pnginfo": own}, ".tif": {"tiffinfo": {700: PACKET.encode()}}}.get(suffix)
    picture.save(tmp_path / f"a{suffix}", **(options or {"xmp": PACKET.encode()}))
    found = read_file(tmp_path / f"a{suffix}")
    assert found.attached.xmp.decode() == PACKET
    save_picture(tmp_path / f"b{suffix}", found.pixels, attached=found.attached)
    assert read_file(tmp_path / f"b{suffix}").attached.xmp.decode() == PACKET
    assert re.search(b"gr\xc3\xa4ndmother", (tmp_path / f"b{suffix}").read_bytes())


def test_16_bits_hold_it(tmp_path):
    import numpy as np

    from dcgan.pictures.attached import Attached

    packet, _ = write_xmp(None, MODEL)
    save_picture(tmp_path / "a.png", np.full((4, 4, 3), 999, np.uint16), attached=Attached(xmp=packet))
    with Image.open(io.BytesIO((tmp_path / "a.png").read_bytes())) as image:
        assert image.text["XML:com.adobe.xmp"].encode() == packet
