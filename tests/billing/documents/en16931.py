"""EN 16931's rules on sums and taxes, read from the XML alone: what Schematron would check, in so many words."""

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from xml.etree import ElementTree

_SPACES = {
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}
_TAXED = ("S", "Z", "E", "AE", "G")
_EXPLAINED = ("E", "AE", "G", "O")

Node = ElementTree.Element


def broken(xml: bytes) -> list[str]:
    """The names of the rules that an e-invoice breaks."""
    root = ElementTree.fromstring(xml)
    checks = (_sums, _breakdown, _categories, _lines, _needed)
    return sorted({rule for check in checks for rule, holds in check(root) if not holds})


def text(node: Node, path: str) -> str | None:
    found = node.find("/".join(f"{{{_SPACES['ram']}}}{step}" for step in path.split("/")))
    return None if found is None else found.text


def every(root: Node, name: str) -> list[Node]:
    return list(root.iter(f"{{{_SPACES['ram']}}}{name}"))


def _amount(node: Node, path: str) -> Decimal:
    found = text(node, path)
    assert found is not None, path
    return Decimal(found)


def _settlement(root: Node) -> Node:
    return every(root, "ApplicableHeaderTradeSettlement")[0]


def _taxes(root: Node) -> list[Node]:
    return _settlement(root).findall("ram:ApplicableTradeTax", _SPACES)


def _items(root: Node) -> list[tuple[str, str | None, Decimal]]:
    """Category, rate and net amount of each line."""
    return [
        (
            text(line, "SpecifiedLineTradeSettlement/ApplicableTradeTax/CategoryCode") or "",
            text(line, "SpecifiedLineTradeSettlement/ApplicableTradeTax/RateApplicablePercent"),
            _amount(line, _LINE_TOTAL),
        )
        for line in every(root, "IncludedSupplyChainTradeLineItem")
    ]


_LINE_TOTAL = "SpecifiedLineTradeSettlement/SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount"


def _sums(root: Node) -> Iterator[tuple[str, bool]]:
    sums = every(root, "SpecifiedTradeSettlementHeaderMonetarySummation")[0]
    lines, net, tax = (_amount(sums, name) for name in ("LineTotalAmount", "TaxBasisTotalAmount", "TaxTotalAmount"))
    total, paid, due = (_amount(sums, name) for name in ("GrandTotalAmount", "TotalPrepaidAmount", "DuePayableAmount"))
    yield "BR-CO-10", lines == sum(amount for _, _, amount in _items(root))
    yield "BR-CO-13", net == lines
    yield "BR-CO-14", tax == sum(_amount(node, "CalculatedAmount") for node in _taxes(root))
    yield "BR-CO-15", total == net + tax
    yield "BR-CO-16", due == total - paid
    yield "BR-CO-25", due <= 0 or bool(every(root, "DueDateDateTime"))
    yield (
        "BR-DEC",
        all(
            re.fullmatch(r"-?\d+(\.\d{1,2})?", node.text or "")
            for node in root.iter()
            if node.tag.endswith("Amount") and node.tag.endswith(("ChargeAmount",)) is False
        ),
    )


def _breakdown(root: Node) -> Iterator[tuple[str, bool]]:
    keys = [(text(node, "CategoryCode"), text(node, "RateApplicablePercent")) for node in _taxes(root)]
    yield "BR-CO-18", bool(keys)
    yield "BR-S-01", len(set(keys)) == len(keys) and set(keys) == {(code, rate) for code, rate, _ in _items(root)}
    for node, key in zip(_taxes(root), keys, strict=True):
        base = _amount(node, "BasisAmount")
        rate = Decimal(key[1] or 0)
        tax = _amount(node, "CalculatedAmount")
        yield (
            "BR-CO-17",
            abs(tax - (base * rate / 100).quantize(tax, ROUND_HALF_EVEN)) <= Decimal(1).scaleb(_places(tax)),
        )
        yield f"BR-{key[0]}-08", base == sum(amount for code, at, amount in _items(root) if (code, at) == key)


def _places(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


def _categories(root: Node) -> Iterator[tuple[str, bool]]:
    for node in _taxes(root):
        code, rate = text(node, "CategoryCode") or "", text(node, "RateApplicablePercent")
        explained = bool(text(node, "ExemptionReason") or text(node, "ExemptionReasonCode"))
        yield f"BR-{code}-10", explained == (code in _EXPLAINED)
        if code != "S":
            yield f"BR-{code}-09", _amount(node, "CalculatedAmount") == 0
            yield f"BR-{code}-05", rate is None if code == "O" else Decimal(rate or "-1") == 0
        else:
            yield "BR-S-05", Decimal(rate or 0) > 0
    codes = {text(node, "CategoryCode") for node in _taxes(root)}
    seller, buyer = (_registrations(root, name) for name in ("SellerTradeParty", "BuyerTradeParty"))
    yield "BR-O-02", "O" not in codes or not ("VA" in seller or "VA" in buyer)
    yield "BR-O-11", "O" not in codes or len(codes) == 1
    yield "BR-S-02", not codes & set(_TAXED) or bool(seller)
    yield "BR-AE-02", "AE" not in codes or ("VA" in seller and "VA" in buyer)


def _registrations(root: Node, party: str) -> list[str]:
    return [
        node.attrib["schemeID"]
        for node in every(root, party)[0].findall(".//ram:SpecifiedTaxRegistration/ram:ID", _SPACES)
    ]


def _lines(root: Node) -> Iterator[tuple[str, bool]]:
    items = every(root, "IncludedSupplyChainTradeLineItem")
    ids = [text(item, "AssociatedDocumentLineDocument/LineID") for item in items]
    yield "BR-16", bool(items)
    yield "BR-21", all(ids) and len(set(ids)) == len(ids)
    for item in items:
        price = _amount(item, "SpecifiedLineTradeAgreement/NetPriceProductTradePrice/ChargeAmount")
        quantity = _amount(item, "SpecifiedLineTradeDelivery/BilledQuantity")
        yield "BR-25", bool(text(item, "SpecifiedTradeProduct/Name"))
        yield "BR-27", price >= 0
        yield "BR-24", price * quantity == _amount(item, _LINE_TOTAL)


def _needed(root: Node) -> Iterator[tuple[str, bool]]:
    heading = root.find("rsm:ExchangedDocument", _SPACES)
    assert heading is not None
    seller, buyer = every(root, "SellerTradeParty")[0], every(root, "BuyerTradeParty")[0]
    yield "BR-02", bool(text(heading, "ID"))
    yield "BR-04", text(heading, "TypeCode") in ("380", "381")
    yield "BR-05", re.fullmatch("[A-Z]{3}", text(_settlement(root), "InvoiceCurrencyCode") or "") is not None
    yield "BR-06", bool(text(seller, "Name"))
    yield "BR-07", bool(text(buyer, "Name"))
    yield "BR-09", bool(text(seller, "PostalTradeAddress/CountryID"))
    yield "BR-11", bool(text(buyer, "PostalTradeAddress/CountryID"))
    yield "BR-CO-26", bool(text(seller, "SpecifiedLegalOrganization/ID") or _registrations(root, "SellerTradeParty"))
    yield "BR-50", not every(root, "SpecifiedTradeSettlementPaymentMeans") or bool(every(root, "IBANID"))
