"""History from elsewhere: snapshots and repositories of other programs, into the ledger."""
