"""Trees as flat arrays: what a forest is stored as, and what answers without the library that grew it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Pairs of a row and a tree from which compiling, which takes about a second, pays.
COMPILED_FROM = 2_000_000
#: Such pairs that are walked at once without compiling.
WALKED_AT_ONCE = 500_000


@dataclass(frozen=True)
class TreeArrays:
    """Nodes of all trees, one after the other; indices count through all of them.

    A leaf has ``feature`` -1, and its row of ``values`` in ``children_left``. A row goes left where its value is
    missing and ``missing_go_to_left``, or is not greater than ``threshold``.
    """

    tree_start: np.ndarray  # int64 [trees + 1]: the first node of every tree, and the number of nodes
    children_left: np.ndarray  # int32 [nodes]
    children_right: np.ndarray  # int32 [nodes]
    feature: np.ndarray  # int32 [nodes]
    threshold: np.ndarray  # float64 [nodes]
    missing_go_to_left: np.ndarray  # uint8 [nodes]
    values: np.ndarray  # float64 [leaves, outputs]: distributions over the classes, or means

    @classmethod
    def of(cls, trees: Sequence[Any], classes: np.ndarray | None, outputs: int) -> TreeArrays:
        """From scikit-learn's fitted trees. ``classes`` int64 are the outputs that their values stand for."""
        parts: list[TreeArrays] = []
        for fitted in trees:
            tree = fitted.tree_
            leaf = tree.children_left < 0
            values = np.zeros((int(leaf.sum()), outputs))
            values[:, slice(None) if classes is None else classes] = tree.value[leaf, 0, :]
            left = np.where(leaf, np.cumsum(leaf) - 1, tree.children_left).astype(np.int32)
            parts.append(
                cls(
                    np.array([0, tree.node_count], np.int64),
                    left,
                    np.where(leaf, -1, tree.children_right).astype(np.int32),
                    np.where(leaf, -1, tree.feature).astype(np.int32),
                    np.where(leaf, 0.0, tree.threshold),
                    np.where(leaf, 0, tree.missing_go_to_left).astype(np.uint8),
                    values,
                )
            )
        return cls.joined(parts)

    @classmethod
    def joined(cls, parts: Sequence[TreeArrays]) -> TreeArrays:
        """The trees of all parts, in order."""
        nodes = np.cumsum([0, *(len(part.feature) for part in parts)])
        leaves = np.cumsum([0, *(len(part.values) for part in parts)])
        left, right = [], []
        for part, node, row in zip(parts, nodes[:-1], leaves[:-1], strict=True):
            leaf = part.feature < 0
            left.append((part.children_left + np.where(leaf, row, node)).astype(np.int32))
            right.append(np.where(leaf, -1, part.children_right + node).astype(np.int32))
        starts = [part.tree_start[:-1] + node for part, node in zip(parts, nodes[:-1], strict=True)]
        return cls(
            np.concatenate([*starts, nodes[-1:]]).astype(np.int64),
            np.concatenate(left),
            np.concatenate(right),
            np.concatenate([part.feature for part in parts]),
            np.concatenate([part.threshold for part in parts]),
            np.concatenate([part.missing_go_to_left for part in parts]),
            np.concatenate([part.values for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.tree_start) - 1

    def tensors(self) -> dict[str, np.ndarray]:
        """Its arrays by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def read(cls, tensors: Mapping[str, Any], columns: int, outputs: int) -> TreeArrays:
        """What :meth:`tensors` gave. Raises ``KeyError`` or ``ValueError`` for arrays that are no trees.

        Every index is checked, and that a child comes after its parent, so that a walk ends and stays inside.
        """
        trees = cls(**{name: np.asarray(tensors[name]) for name in cls.__dataclass_fields__})
        nodes, leaf = len(trees.feature), trees.feature < 0
        own = np.arange(nodes)
        inner_left, inner_right = trees.children_left[~leaf], trees.children_right[~leaf]
        rows, starts = trees.children_left[leaf], trees.tree_start
        whole = (
            len(starts) > 1
            and starts[0] == 0
            and starts[-1] == nodes
            and (np.diff(starts) > 0).all()
            and all(
                len(array) == nodes
                for array in (trees.children_left, trees.children_right, trees.threshold, trees.missing_go_to_left)
            )
            and (trees.feature < columns).all()
            and (inner_left > own[~leaf]).all()
            and (inner_right > own[~leaf]).all()
            and (inner_left < nodes).all()
            and (inner_right < nodes).all()
            and (rows >= 0).all()
            and (rows < len(trees.values)).all()
            and trees.values.ndim == 2
            and trees.values.shape[1] == outputs
        )
        if not whole:
            raise ValueError("arrays that are no trees")
        return trees

    def mean(self, inputs: np.ndarray, threads: int = 1) -> np.ndarray:
        """The mean of all trees' leaves, float64 ``[n, outputs]``, of inputs float32 ``[n, columns]``.

        Trees are added in their order, so that neither ``threads`` nor the rows beside it change a row's answer.
        """
        sums = np.zeros((len(inputs), self.values.shape[1]))
        if len(inputs) * len(self) < COMPILED_FROM:
            size = max(1, WALKED_AT_ONCE // len(self))
            for start in range(0, len(inputs), size):
                self._walk(inputs[start : start + size], sums[start : start + size])
        else:
            from runner.builders.tabular._learners.tree_walk import add_leaves

            arrays = tuple(self.tensors().values())
            bounds = np.linspace(0, len(inputs), threads + 1).astype(int)
            parts = [slice(first, last) for first, last in itertools.pairwise(bounds)]
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda part: add_leaves(inputs[part], sums[part], *arrays), parts))
        return sums / len(self)

    def _walk(self, inputs: np.ndarray, sums: np.ndarray) -> None:
        """Add every tree's leaf to ``sums``, all trees one step down at a time."""
        node = np.tile(self.tree_start[:-1], (len(inputs), 1)).reshape(-1)
        going = np.arange(len(node))
        while len(going):
            at = node[going]
            inner = self.feature[at] >= 0
            going, at = going[inner], at[inner]
            value = inputs[going // len(self), self.feature[at]]
            left = np.where(np.isnan(value), self.missing_go_to_left[at] > 0, value <= self.threshold[at])
            node[going] = np.where(left, self.children_left[at], self.children_right[at])
        row = self.children_left[node].reshape(len(inputs), len(self))
        for tree in range(len(self)):
            sums += self.values[row[:, tree]]
