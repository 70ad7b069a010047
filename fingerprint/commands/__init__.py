"""What is asked of a phone over ADB, as data, and the form in which each answer is kept."""
