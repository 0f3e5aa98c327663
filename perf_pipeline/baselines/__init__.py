"""What is normal for each statement, day by day."""
