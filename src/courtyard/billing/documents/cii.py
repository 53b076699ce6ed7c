"""A document as an e-invoice: EN 16931 in UN/CEFACT's Cross Industry Invoice, as Factur-X and ZUGFeRD embed it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from xml.etree import ElementTree

from courtyard.billing import rules
from courtyard.billing.documents import words
from courtyard.billing.documents.wording import writing
from courtyard.billing.model import DocumentKind, Invoice, Line, Party, TaxLine
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest

PROFILE = "urn:cen.eu:en16931:2017"

_RSM = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
_RAM = "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
_UDT = "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100"
for _prefix, _uri in (("rsm", _RSM), ("ram", _RAM), ("udt", _UDT)):
    ElementTree.register_namespace(_prefix, _uri)

_TYPES = {DocumentKind.INVOICE: "380", DocumentKind.CREDIT_NOTE: "381"}
_OUTSIDE = "O"
_REASONS = {"AE": "VATEX-EU-AE", "G": "VATEX-EU-G", "O": "VATEX-EU-O"}
"""Codes for why a category bears no tax."""
_EXPLAINED = frozenset(("E", "AE", "G", "O"))
_CREDIT_TRANSFER = "30"
_ONE = "C62"
_DECIMALS_MAX = 2
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_VAT = re.compile("[A-Z]{2}[0-9A-Z+*]{2,13}")

Node = ElementTree.Element


class Missing(NamedTuple):
    """A rule of EN 16931 that the document can't meet, and what would help."""

    rule: str
    what: str


def obstacles(document: Invoice) -> tuple[Missing, ...]:
    """Say what keeps the document from being an e-invoice; nothing, where it can be one."""
    return tuple(_obstacles(document))


def invoice_xml(document: Invoice) -> bytes:
    """Write the e-invoice.

    Raises:
        InvalidRequest: EN 16931 asks for what the document does not have.
    """
    found = obstacles(document)
    if found:
        listed = "; ".join(f"{missing.what} ({missing.rule})" for missing in found)
        raise InvalidRequest(f"{document.number or 'a draft'} can't be an e-invoice of EN 16931: {listed}")
    root = Node(f"{{{_RSM}}}CrossIndustryInvoice")
    _put(root, "rsm:ExchangedDocumentContext/ram:GuidelineSpecifiedDocumentContextParameter/ram:ID", PROFILE)
    _heading(root, document)
    deal = _put(root, "rsm:SupplyChainTradeTransaction")
    for line in document.lines:
        _line(deal, document, line)
    _agreement(deal, document)
    supplied = _put(deal, "ram:ApplicableHeaderTradeDelivery/ram:ActualDeliverySupplyChainEvent")
    _date(supplied, "ram:OccurrenceDateTime", max(document.period_until_ms - 1, document.period_from_ms))
    _settlement(deal, document)
    ElementTree.indent(root, space=" ")
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _obstacles(document: Invoice) -> Iterator[Missing]:
    seller, buyer = document.seller, document.buyer
    categories = {tax.category for tax in document.taxes}
    if document.kind not in _TYPES:
        yield Missing("BT-3", f"a {document.kind} is no invoice")
    for rule, is_missing, what in (
        ("BR-02", not document.number, "it has not been issued"),
        ("BR-06", not seller.name, "the seller has no name: set billing.seller.name"),
        ("BR-07", not buyer.name, "the buyer has no name"),
        ("BR-09", not seller.country, "the seller has no country: set billing.seller.country"),
        ("BR-11", not buyer.country, "the buyer has no country"),
        ("BR-16", not document.lines, "it has no lines"),
        ("BR-CO-26", not (seller.tax_id or seller.registration), "the seller has no number: set billing.seller.tax_id"),
        ("BR-DEC", document.minor_digits > _DECIMALS_MAX, f"{document.currency} has {document.minor_digits} decimals"),
        ("BR-O-12", _OUTSIDE in categories and len(categories) > 1, "some lines are outside the scope of tax"),
    ):
        if is_missing:
            yield Missing(rule, what)
    if categories - {_OUTSIDE} and not seller.tax_id:
        yield Missing("BR-S-02", "the seller has no tax number: set billing.seller.tax_id")
    if "AE" in categories and not (_is_vat(buyer.tax_id) and _is_vat(seller.tax_id)):
        yield Missing("BR-AE-02", "reverse charge needs the VAT numbers of seller and buyer")


def _heading(root: Node, document: Invoice) -> None:
    heading = _put(root, "rsm:ExchangedDocument")
    _put(heading, "ram:ID", document.number)
    _put(heading, "ram:TypeCode", _TYPES[document.kind])
    _date(heading, "ram:IssueDateTime", document.issued_at_ms)
    for note in dict.fromkeys(part for part in (document.reason, *document.notes) if part):
        _put(heading, "ram:IncludedNote/ram:Content", note)


def _line(deal: Node, document: Invoice, line: Line) -> None:
    hand, tax = writing(document.buyer.language), document.taxes[line.tax]
    net = words.sign(document) * line.net_minor
    node = _put(deal, "ram:IncludedSupplyChainTradeLineItem")
    _put(node, "ram:AssociatedDocumentLineDocument/ram:LineID", str(line.number))
    product = _put(node, "ram:SpecifiedTradeProduct")
    _put(product, "ram:Name", words.description(hand, line))
    said = " · ".join(part for part in (words.counted(hand, line), words.dimensions(hand, line)) if part)
    if said:
        _put(product, "ram:Description", said)
    for name, value in (("project", line.project_name or line.project), ("model", line.model)):
        if value:
            trait = _put(product, "ram:ApplicableProductCharacteristic")
            _put(trait, "ram:Description", name)
            _put(trait, "ram:Value", value)
    price = "ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice/ram:ChargeAmount"
    _put(node, price, _amount(document, abs(net)))
    # A price can't be below zero, so what is taken back is a quantity below zero.
    _put(node, "ram:SpecifiedLineTradeDelivery/ram:BilledQuantity", "-1" if net < 0 else "1", unitCode=_ONE)
    settlement = _put(node, "ram:SpecifiedLineTradeSettlement")
    _category(_put(settlement, "ram:ApplicableTradeTax"), tax.category, tax.rate_bp)
    if line.month:
        month = rules.read_month(line.month)
        _period(settlement, month.begins_ms, month.ends_ms)
    _put(settlement, "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount", _amount(document, net))


def _agreement(deal: Node, document: Invoice) -> None:
    agreement = _put(deal, "ram:ApplicableHeaderTradeAgreement")
    if document.reference:
        _put(agreement, "ram:BuyerReference", document.reference)
    outside = any(tax.category == _OUTSIDE for tax in document.taxes)
    _party(_put(agreement, "ram:SellerTradeParty"), document.seller)
    _party(_put(agreement, "ram:BuyerTradeParty"), document.buyer)
    seller, buyer = document.seller.tax_id, document.buyer.tax_id
    if seller:
        scheme = "VA" if _is_vat(seller) and not outside else "FC"
        _put(agreement[-2], "ram:SpecifiedTaxRegistration/ram:ID", seller, schemeID=scheme)
    if _is_vat(buyer) and not outside:
        _put(agreement[-1], "ram:SpecifiedTaxRegistration/ram:ID", buyer, schemeID="VA")


def _party(node: Node, party: Party) -> None:
    _put(node, "ram:Name", party.name)
    if party.registration:
        _put(node, "ram:SpecifiedLegalOrganization/ram:ID", party.registration)
    address = _put(node, "ram:PostalTradeAddress")
    if party.postcode:
        _put(address, "ram:PostcodeCode", party.postcode)
    first, second, *rest = (*party.address, "", "")
    for name, text in (("One", first), ("Two", second), ("Three", ", ".join(part for part in rest if part))):
        if text:
            _put(address, f"ram:Line{name}", text)
    if party.city:
        _put(address, "ram:CityName", party.city)
    _put(address, "ram:CountryID", party.country)
    if party.email:
        _put(node, "ram:URIUniversalCommunication/ram:URIID", party.email, schemeID="EM")


def _settlement(deal: Node, document: Invoice) -> None:
    settlement = _put(deal, "ram:ApplicableHeaderTradeSettlement")
    due = words.sign(document) * document.due_minor
    _put(settlement, "ram:PaymentReference", document.number)
    _put(settlement, "ram:InvoiceCurrencyCode", document.currency)
    if document.seller.iban and document.kind is DocumentKind.INVOICE:
        _payment(settlement, document.seller)
    for tax in _breakdown(document.taxes):
        _tax(settlement, document, tax)
    if document.period_until_ms > document.period_from_ms:
        _period(settlement, document.period_from_ms, document.period_until_ms)
    if due > 0:
        day = document.due_at_ms if document.kind is DocumentKind.INVOICE else document.issued_at_ms
        _date(_put(settlement, "ram:SpecifiedTradePaymentTerms"), "ram:DueDateDateTime", day)
    sums = _put(settlement, "ram:SpecifiedTradeSettlementHeaderMonetarySummation")
    for name, minor in (
        ("LineTotalAmount", document.net_minor),
        ("TaxBasisTotalAmount", document.net_minor),
        ("TaxTotalAmount", document.tax_minor),
        ("GrandTotalAmount", document.total_minor),
        ("TotalPrepaidAmount", document.paid_minor),
        ("DuePayableAmount", document.due_minor),
    ):
        attributes = {"currencyID": document.currency} if name == "TaxTotalAmount" else {}
        _put(sums, f"ram:{name}", _amount(document, words.sign(document) * minor), **attributes)
    if document.corrects:
        _put(settlement, "ram:InvoiceReferencedDocument/ram:IssuerAssignedID", document.corrects)


def _payment(settlement: Node, seller: Party) -> None:
    means = _put(settlement, "ram:SpecifiedTradeSettlementPaymentMeans")
    _put(means, "ram:TypeCode", _CREDIT_TRANSFER)
    account = _put(means, "ram:PayeePartyCreditorFinancialAccount")
    _put(account, "ram:IBANID", seller.iban.replace(" ", ""))
    _put(account, "ram:AccountName", seller.name)
    if seller.bic:
        _put(means, "ram:PayeeSpecifiedCreditorFinancialInstitution/ram:BICID", seller.bic)


def _breakdown(taxes: Sequence[TaxLine]) -> Iterator[TaxLine]:
    """Join taxes of one category and rate: an e-invoice has one line for both, whatever rules they came from."""
    for category, rate_bp in dict.fromkeys((tax.category, tax.rate_bp) for tax in taxes):
        alike = [tax for tax in taxes if (tax.category, tax.rate_bp) == (category, rate_bp)]
        yield TaxLine(
            name=alike[0].name,
            category=category,
            rate_bp=rate_bp,
            inclusive=False,
            base_minor=sum(tax.base_minor for tax in alike),
            tax_minor=sum(tax.tax_minor for tax in alike),
            note=_reason(alike),
        )


def _reason(taxes: Iterable[TaxLine]) -> str:
    return " ".join(dict.fromkeys(tax.note for tax in taxes if tax.note))


def _tax(settlement: Node, document: Invoice, tax: TaxLine) -> None:
    node = _put(settlement, "ram:ApplicableTradeTax")
    _put(node, "ram:CalculatedAmount", _amount(document, words.sign(document) * tax.tax_minor))
    _put(node, "ram:TypeCode", "VAT")
    if tax.category in _EXPLAINED and tax.note:
        _put(node, "ram:ExemptionReason", tax.note)
    _put(node, "ram:BasisAmount", _amount(document, words.sign(document) * tax.base_minor))
    _put(node, "ram:CategoryCode", tax.category)
    if tax.category in _REASONS:
        _put(node, "ram:ExemptionReasonCode", _REASONS[tax.category])
    if tax.category != _OUTSIDE:
        _put(node, "ram:RateApplicablePercent", words.plain_decimal(tax.rate_bp, digits=2))


def _category(node: Node, category: str, rate_bp: int) -> None:
    _put(node, "ram:TypeCode", "VAT")
    _put(node, "ram:CategoryCode", category)
    if category != _OUTSIDE:
        _put(node, "ram:RateApplicablePercent", words.plain_decimal(rate_bp, digits=2))


def _period(node: Node, from_ms: int, until_ms: int) -> None:
    period = _put(node, "ram:BillingSpecifiedPeriod")
    _date(period, "ram:StartDateTime", from_ms)
    _date(period, "ram:EndDateTime", until_ms - 1)


def _date(node: Node, name: str, ms: int) -> None:
    _put(node, f"{name}/udt:DateTimeString", f"{date_time(ms):%Y%m%d}", format="102")


def _amount(document: Invoice, minor: int) -> str:
    return words.plain_decimal(minor, digits=document.minor_digits)


def _is_vat(number: str) -> bool:
    return _VAT.fullmatch(number.replace(" ", "")) is not None


def _put(node: Node, path: str, text: str = "", **attributes: str) -> Node:
    """Add a new element for each step of the path, and return the last one."""
    uris = {"rsm": _RSM, "ram": _RAM, "udt": _UDT}
    for step in path.split("/"):
        prefix, _, name = step.partition(":")
        node = ElementTree.SubElement(node, f"{{{uris[prefix]}}}{name}")
    node.text = _NOT_XML.sub("", text) or None
    node.attrib.update(attributes)
    return node
