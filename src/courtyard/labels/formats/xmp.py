"""XMP packets (ISO 16684-1): the property `TC260:AIGC` read, written and taken out."""

import re

from courtyard.labels.formats.markup import cut, escape, insert, namespaces, prefix_of, scan
from courtyard.labels.formats.reading import Unreadable

NAMESPACE = "http://www.tc260.org.cn/ns/AIGC/1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_PROPERTY = "AIGC"


def find(packet: bytes) -> list[str]:
    """Read every copy of the label in a packet, written as an element or as an attribute.

    Raises:
        Unreadable: the packet is no XML that can be trusted.
    """
    elements = scan(_trimmed(packet), _PROPERTY, "Description")
    copies = [element.text for element in elements if element.name.endswith(f":{_PROPERTY}")]
    copies += [
        value
        for element in elements
        for name, value in element.attributes.items()
        if name.endswith(f":{_PROPERTY}") and not name.startswith("xmlns:")
    ]
    return copies


def put(packet: bytes | None, text: str | None) -> bytes:
    """Write the label in place of any in a packet, or in a new packet; `None` only takes it out."""
    packet = _without(_trimmed(packet)) if packet else _new()
    if text is None:
        return packet
    roots = scan(packet, "RDF")
    if not roots or roots[0].is_empty_tag:
        raise Unreadable("an XMP packet has no room for a property")
    root = roots[0]
    prefix = prefix_of(root.name)
    declared = "" if namespaces(root).get(prefix[:-1]) or not prefix else f' xmlns:{prefix[:-1]}="{_RDF}"'
    described = (
        f'<{prefix}Description {prefix or "rdf:"}about="" xmlns:TC260="{NAMESPACE}"{declared}>'
        f"<TC260:{_PROPERTY}>{escape(text)}</TC260:{_PROPERTY}></{prefix}Description>"
    )
    return insert(packet, root.closing, described)


def _without(packet: bytes) -> bytes:
    elements = scan(packet, _PROPERTY, "Description")
    spans = [(e.start, e.end) for e in elements if e.name.endswith(f":{_PROPERTY}")]
    for element in elements:
        tag = packet[element.start : element.inside]
        pattern = rb"\s[\w.-]+:" + _PROPERTY.encode() + rb"\s*=\s*(\"[^\"]*\"|'[^']*')"
        spans += [
            (element.start + found.start(), element.start + found.end())
            for found in re.finditer(pattern, tag)
            if not found[0].lstrip().startswith(b"xmlns:")
        ]
    return cut(packet, spans)


def _trimmed(packet: bytes) -> bytes:
    """Leave out what stands around the XML: padding, and zeros at the end."""
    return packet.strip(b"\0 \t\r\n")


def _new() -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()
