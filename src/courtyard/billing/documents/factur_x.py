"""Says in a PDF's own metadata that an e-invoice is in it, as Factur-X and ZUGFeRD want it said."""

import re

_URI = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = {
    "DocumentFileName": ("The name of the embedded XML document", "factur-x.xml"),
    "DocumentType": ("The type of the hybrid document", "INVOICE"),
    "Version": ("The version of the standard that the XML document follows", "1.0"),
    "ConformanceLevel": ("The profile of the XML document", "EN 16931"),
}

_METADATA = re.compile(rb"(\d+) 0 obj\s*<<[^>]*/Type\s*/Metadata[^>]*>>\s*stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_TRAILER = re.compile(rb"trailer\s*<<(.*?)>>\s*startxref\s*(\d+)\s*%%EOF\s*$", re.DOTALL)
_DESCRIBED = b"</rdf:Description>"
_SCHEMAS = b"<pdfaExtension:schemas><rdf:Bag>"


def announced(pdf: bytes) -> bytes:
    """Return the PDF with its e-invoice announced: its metadata written anew at its end, as an update of the file.

    Typst attaches the file as PDF/A-3 wants it, but can't add to the metadata that it writes.
    """
    *_, metadata = _METADATA.finditer(pdf)
    trailer = _TRAILER.search(pdf)
    assert trailer is not None, "the typesetter writes a classic trailer"
    number, xmp = int(metadata[1]), _with_properties(metadata[2])
    body = pdf if pdf.endswith(b"\n") else pdf + b"\n"
    begins = len(body)
    written = b"%d 0 obj\n<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n%s\nendstream\nendobj\n"
    body += written % (number, len(xmp), xmp)
    table = b"xref\n0 1\n0000000000 65535 f\r\n%d 1\n%010d 00000 n\r\ntrailer\n<<%s/Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
    return body + table % (number, begins, trailer[1], int(trailer[2]), len(body))


def _with_properties(xmp: bytes) -> bytes:
    assert _SCHEMAS in xmp, "the typesetter describes the schemas of its metadata"
    described = "".join(
        '<rdf:li rdf:parseType="Resource"><pdfaProperty:category>external</pdfaProperty:category>'
        f"<pdfaProperty:description>{about}</pdfaProperty:description><pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType></rdf:li>"
        for name, (about, _) in _PROPERTIES.items()
    )
    schema = (
        '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{_URI}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{described}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )
    values = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, (_, value) in _PROPERTIES.items())
    announcement = f'<rdf:Description rdf:about="" xmlns:fx="{_URI}">{values}</rdf:Description>'
    extended = xmp.replace(_SCHEMAS, _SCHEMAS + schema.encode(), 1)
    return extended.replace(_DESCRIBED, _DESCRIBED + announcement.encode(), 1)
