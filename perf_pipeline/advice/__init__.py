"""Advice: pure rules over the ledger, each with its evidence."""
