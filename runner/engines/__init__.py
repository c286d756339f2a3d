"""Runs on other machines: a run directory that everyone can reach, and the engines that start a run's entry command."""
