"""What the operator of a case does beside the evidence: backups, their restoring, and a look at the machine."""
