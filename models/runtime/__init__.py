"""Engines that run a bundle, behind one protocol. No torch but in eager.py."""
