"""A language model that was not trained here, such as ``runner/tiny-llama``, opened and asked as a stored one is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner import registry
from runner.store.manifest import FileRecord, Manifest, seal
from runner.store.model_lookup import StoredModel
from runner.store.names import ModelReference
from runner.store.verification_memory import VerificationMemory
from runner.training import pretrained
from runner.workspace import absolute, current_folder

#: The kind whose predictor opens one.
PLAIN = "causal_lm"


@dataclass(frozen=True)
class Untrained(StoredModel):
    """It lies in no store: its ``reference`` is the name that it was asked for by, and it has no version."""

    named: str = ""
    cache: Path = Path()

    @property
    def reference(self) -> str:
        return self.named

    def manifest(self) -> Manifest:
        """What a manifest would say: the files that are read of it, with their hashes; it has no spec and no run.

        What was hashed before and has not changed is not hashed again.
        """
        # No manifest was compared with these hashes, so the folder's own name stands for one.
        memory = VerificationMemory(self.cache, self.path, self.named)
        found = dict.fromkeys(path for pattern in pretrained.PATTERNS for path in sorted(self.path.glob(pattern)))
        files = {
            path.relative_to(self.path).as_posix(): FileRecord(
                sha256=memory.checksum(path.relative_to(self.path).as_posix(), path), bytes=path.stat().st_size
            )
            for path in found
            if path.is_file()
        }
        memory.keep()
        facts = Manifest(model_type=self.model_type, name=self.name, version=self.version, files=files)
        return Manifest.from_document(seal(facts.to_document()))


def at_hand(reference: str, wanted: ModelReference | None, cache: Path) -> Untrained | None:
    """The untrained model that a name means, if it is on this machine or comes with the program.

    ``wanted`` is the name read as that of a stored model: one of a type that there is means a stored model alone.
    Nothing is fetched.
    """
    if wanted is not None and (wanted.model_type is None or registry.find(wanted.model_type) is not None):
        return None
    if not pretrained.available_locally(reference):
        return None
    here = absolute(reference, current_folder())
    if here.is_dir() and not (here / "config.json").is_file():
        # A folder of something else.
        return None
    folder = pretrained.resolve(reference, cache=cache)
    name = here.name if wanted is None else wanted.name
    return Untrained(PLAIN, name, 0, folder, reference, cache)
