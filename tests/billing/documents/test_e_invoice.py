"""The PDF carries an e-invoice of EN 16931 as Factur-X has it, and others' programs read and accept it."""

import io
from typing import Any

import facturx
import msgspec
import pytest
from pypdf import PdfReader

from courtyard.billing import DocumentKind, Invoice, LineKind, Party, TaxRule, exported
from courtyard.billing.documents import cii
from courtyard.core.errors import InvalidRequest
from tests.billing.documents import made
from tests.billing.documents.en16931 import broken, every, text
from tests.billing.sample import REVERSE, VAT

_EXEMPT = TaxRule(name="VAT", category="E", lines=(LineKind.SEAT,), note="Exempt under article 132.")

CASES: dict[str, Invoice] = {
    "standard": made.document(),
    "reverse charge": made.document("ar", taxes=(REVERSE,)),
    "exempt in part": made.document("ru", taxes=(_EXEMPT, VAT)),
    "zero": made.document("zh", taxes=(TaxRule(name="VAT", category="Z"),)),
    "outside": made.document(taxes=()),
    "export": made.document(taxes=(TaxRule(name="GST", category="G"),)),
    "in the prices": made.document(taxes=(msgspec.structs.replace(VAT, inclusive=True),)),
    "two rules of one rate": made.document(
        taxes=(msgspec.structs.replace(VAT, name="MwSt", lines=(LineKind.FEE,)), VAT)
    ),
    "half a per cent": made.document(taxes=(msgspec.structs.replace(VAT, rate_bp=550),)),
    "credit note": made.document(kind=DocumentKind.CREDIT_NOTE, corrects="2026-000007"),
    "yen": made.document(currency="JPY"),
    "committed": made.committed(),
}


@pytest.mark.parametrize("name", CASES)
def test_an_e_invoice_is_valid(name: str) -> None:
    """It has the shape of Factur-X's schema for the profile EN 16931, and breaks none of its rules."""
    xml = exported(CASES[name], "xml").whole()

    assert facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    assert broken(xml) == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("<ram:GrandTotalAmount>95.31", "<ram:GrandTotalAmount>95.32"), "BR-CO-15"),
        (("<ram:LineTotalAmount>49.00", "<ram:LineTotalAmount>48.00"), "BR-CO-10"),
        (("<ram:CategoryCode>S", "<ram:CategoryCode>Z"), "BR-Z-09"),
        (("<ram:CalculatedAmount>15.22", "<ram:CalculatedAmount>15.30"), "BR-CO-17"),
        (("<ram:DuePayableAmount>90.31", "<ram:DuePayableAmount>95.31"), "BR-CO-16"),
    ],
)
def test_the_rules_find_what_they_are_for(change: tuple[str, str], rule: str) -> None:
    """An amount or a category that was changed breaks the rule about it."""
    xml = exported(CASES["standard"], "xml").whole().decode()

    assert change[0] in xml
    assert rule in broken(xml.replace(*change).encode())


def test_the_pdf_carries_the_e_invoice_and_says_so() -> None:
    """Another library finds the XML, PDF/A-3b and Factur-X stand in the metadata, and the file is an alternative."""
    pdf = made.pdf(CASES["reverse charge"])
    xml = exported(CASES["reverse charge"], "xml").whole()
    name, found = facturx.get_xml_from_pdf(pdf)
    reader = PdfReader(io.BytesIO(pdf), strict=True)
    root: Any = reader.trailer["/Root"]
    said = root["/Metadata"].get_object().get_data().decode()
    file = root["/AF"][0].get_object()

    assert (name, found) == ("factur-x.xml", xml)
    assert reader.attachments["factur-x.xml"] == [xml]
    assert (file["/AFRelationship"], file["/EF"]["/F"].get_object()["/Subtype"]) == ("/Alternative", "/text/xml")
    assert "<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>" in said
    assert "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in said
    assert "<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>" in said
    assert said.count("urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#") == 2
    assert all(
        font.get_object()["/DescendantFonts"][0]["/FontDescriptor"]["/FontFile2"]
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
        if "/FontFile2" in font.get_object()["/DescendantFonts"][0]["/FontDescriptor"]
    )
    assert "2026-000042" in reader.pages[0].extract_text()


def test_a_name_cannot_forge_the_metadata() -> None:
    """What looks like the end of the metadata, or like another object of the PDF, is text."""
    hostile = "</rdf:Description><fx:Version>9</fx:Version> 1 0 obj <</Type/Metadata>> stream x endstream"
    document = made.changed(made.document(), seller=msgspec.structs.replace(made.document().seller, name=hostile))
    pdf = made.pdf(document)
    reader = PdfReader(io.BytesIO(pdf), strict=True)
    said = reader.trailer["/Root"]["/Metadata"].get_object().get_data().decode()

    assert "<fx:Version>1.0</fx:Version>" in said
    assert "<fx:Version>9" not in said
    assert facturx.get_xml_from_pdf(pdf)[1] == exported(document, "xml").whole()


def test_a_credit_note_names_its_invoice_and_counts_upwards() -> None:
    """Type 381 gives, so its amounts are above zero."""
    xml = exported(CASES["credit note"], "xml").whole()
    root = cii.ElementTree.fromstring(xml)
    sums = every(root, "SpecifiedTradeSettlementHeaderMonetarySummation")[0]

    assert b"<ram:TypeCode>381</ram:TypeCode>" in xml
    assert text(every(root, "InvoiceReferencedDocument")[0], "IssuerAssignedID") == "2026-000007"
    assert text(sums, "GrandTotalAmount") == "95.31"


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        (made.document(number=""), "BR-02"),
        (made.changed(made.document(), seller=Party(name="Nordwind", country="DE")), "BR-S-02"),
        (made.changed(made.document(), seller=Party()), "BR-06"),
        (made.changed(made.document(), buyer=made.buyer("en", country="")), "BR-11"),
        (made.document(currency="KWD"), "BR-DEC"),
        (made.document(taxes=(msgspec.structs.replace(VAT, lines=(LineKind.SEAT,)),)), "BR-O-12"),
        (made.changed(made.document(taxes=(REVERSE,)), buyer=made.buyer("en", tax_id="")), "BR-AE-02"),
        (made.changed(made.document(), kind=DocumentKind.STATEMENT), "BT-3"),
    ],
)
def test_what_can_not_be_an_e_invoice_says_why_and_is_a_pdf_without_one(document: Invoice, rule: str) -> None:
    """The XML is refused with the rule and what to do, and paper can still be had."""
    with pytest.raises(InvalidRequest, match=rule):
        exported(document, "xml")
    reader = PdfReader(io.BytesIO(made.pdf(document)))

    assert dict(reader.attachments) == {}


def test_letters_that_xml_can_not_hold_are_left_out() -> None:
    """A name with a null in it makes no broken file, and one with tags is text."""
    document = made.with_lines(made.document(), text="a\x00\ud800<b>&c")
    xml = exported(document, "xml").whole()

    assert xml.count(b"a&lt;b&gt;&amp;c") == 4
    assert facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
