"""Recovery: backups verified, and drills whose times are measured."""
