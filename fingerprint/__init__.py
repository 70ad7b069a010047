"""Pure: bytes in, values out. No files, no clock, no SQL."""
