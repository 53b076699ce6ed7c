"""Keeps what the law wants kept of personal data: purposes, consents, cases, proofs and breaches."""
