"""Rows that hold language: texts, conversations, preferences, labelled answers; what their columns may be called."""
