"""Files of sources and targets, made and loaded as other layouts of language are."""

from tests.data.dialogues.conftest import lines, load

__all__ = ["lines", "load"]
