"""Cython kernels, each with a stub and a plain-Python twin that tests hold it against."""
