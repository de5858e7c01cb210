"""Exported models in as many runtimes as there are, installed and run one after another.

    python -m bench.runtimes

Needs PyPI and npm, g++, clang and node, and takes some minutes and some gigabytes of disk.
"""
