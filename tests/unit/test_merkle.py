"""Merkle trees: roots and proofs are those of RFC 6962, every proof that is made holds, every other one is refused."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody import merkle
from custody.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    subtrees_of,
    verify_consistency,
    verify_inclusion,
)
from records.errors import ProofError

# The entries that implementations of RFC 6962 have in common, and the roots of the trees of the first 1..8 of them.
ENTRIES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
MOST = 40
LEAVES = [merkle.hash_leaf(str(number).encode()) for number in range(MOST)]


def mth(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + mth(leaves[:split]) + mth(leaves[split:])).digest()


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1, as it is written there."""
    if len(leaves) == 1:
        return []
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < split:
        return [*path(index, leaves[:split]), mth(leaves[split:])]
    return [*path(index - split, leaves[split:]), mth(leaves[:split])]


def subproof(old: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    """RFC 6962, section 2.1.2, as it is written there."""
    if old == len(leaves):
        return [] if whole else [mth(leaves)]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if old <= split:
        return [*subproof(old, leaves[:split], whole), mth(leaves[split:])]
    return [*subproof(old - split, leaves[split:], False), mth(leaves[:split])]


def test_the_roots_are_those_of_other_implementations() -> None:
    hashes = [merkle.hash_leaf(entry) for entry in ENTRIES]
    for size in range(1, 9):
        assert merkle.root_of(hashes[:size]).hex() == ROOTS[size - 1]
        assert merkle.tree_root(size, subtrees_of(hashes)).hex() == ROOTS[size - 1]
    assert merkle.root_of([]) == merkle.tree_root(0, subtrees_of([])) == merkle.EMPTY_ROOT


def test_every_inclusion_proof_is_the_one_of_the_rfc_and_holds() -> None:
    subtrees = subtrees_of(LEAVES)
    for size in range(1, MOST + 1):
        root = mth(LEAVES[:size])
        for index in range(size):
            proof = inclusion_proof(index, size, subtrees)
            assert proof == path(index, LEAVES[:size])
            verify_inclusion(index, size, LEAVES[index], proof, root)


def test_every_consistency_proof_is_the_one_of_the_rfc_and_holds() -> None:
    subtrees = subtrees_of(LEAVES)
    for new in range(MOST + 1):
        for old in range(new + 1):
            proof = consistency_proof(old, new, subtrees)
            assert proof == (subproof(old, LEAVES[:new], True) if old else [])
            verify_consistency(old, mth(LEAVES[:old]), new, mth(LEAVES[:new]), proof)


def changed(proof: list[bytes]) -> list[list[bytes]]:
    """A proof with one bit changed, one hash less, one more, two swapped."""
    found = [[*proof, LEAVES[0]], [LEAVES[0], *proof]]
    for place, part in enumerate(proof):
        found.append([*proof[:place], bytes([part[0] ^ 1]) + part[1:], *proof[place + 1 :]])
        found.append([*proof[:place], *proof[place + 1 :]])
    if len(proof) > 1:
        found.append([proof[1], proof[0], *proof[2:]])
    return found


def test_an_altered_inclusion_proof_is_refused() -> None:
    subtrees = subtrees_of(LEAVES)
    for size in range(1, MOST + 1, 3):
        root = mth(LEAVES[:size])
        for index in range(size):
            proof = inclusion_proof(index, size, subtrees)
            wrong = [(index, size, LEAVES[index], other, root) for other in changed(proof)]
            wrong += [(other, size, LEAVES[index], proof, root) for other in range(-1, size + 1) if other != index]
            wrong += [(index, size, LEAVES[index - 1], proof, root)] if size > 1 else []
            wrong += [(index, size, LEAVES[index], proof, LEAVES[-1])]
            for arguments in wrong:
                with pytest.raises(ProofError):
                    verify_inclusion(*arguments)


def test_an_altered_consistency_proof_is_refused() -> None:
    subtrees = subtrees_of(LEAVES)
    for new in range(1, MOST + 1, 3):
        for old in range(new + 1):
            proof = consistency_proof(old, new, subtrees)
            before, after = mth(LEAVES[:old]), mth(LEAVES[:new])
            wrong = [(old, before, new, after, other) for other in changed(proof)]
            wrong += [(old, LEAVES[1], new, after, proof), (old + 1, before, new, after, proof)]
            wrong += [(old, before, new, LEAVES[1], proof)] if old else []  # every tree continues the empty one
            wrong += [(old, before[1:], new, after, proof), (old, before, new, after + b"x", proof)]
            wrong += [(new + 1, before, new, after, proof), (-1, before, new, after, proof)]
            for arguments in wrong:
                with pytest.raises(ProofError):
                    verify_consistency(*arguments)


@pytest.mark.parametrize("index, size", [(0, 0), (5, 5), (-1, 5), (6, 5)])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        inclusion_proof(index, size, subtrees_of(LEAVES))


@pytest.mark.parametrize("old, new", [(6, 5), (-1, 5)])
def test_a_smaller_tree_continues_no_larger_one(old: int, new: int) -> None:
    with pytest.raises(ProofError):
        consistency_proof(old, new, subtrees_of(LEAVES))


@given(st.integers(0, MOST), st.integers(0, MOST))
def test_a_right_edge_goes_on_from_what_is_kept_of_it(first: int, last: int) -> None:
    first, last = min(first, last), max(first, last)
    kept = Frontier.from_subtrees(first, subtrees_of(LEAVES))
    again = Frontier(kept.size, kept.peaks)
    for leaf in LEAVES[first:last]:
        again.append(leaf)
    assert (again.size, again.root()) == (last, mth(LEAVES[:last]))


@pytest.mark.parametrize("size, peaks", [(1, []), (2, LEAVES[:2]), (0, LEAVES[:1]), (-1, []), (1, [b"short"])])
def test_a_right_edge_that_does_not_fit_its_size_is_refused(size: int, peaks: list[bytes]) -> None:
    with pytest.raises(ProofError):
        Frontier(size, peaks)


def test_the_empty_tree_has_one_root_only() -> None:
    with pytest.raises(ProofError):
        verify_consistency(0, LEAVES[0], 0, LEAVES[0], [])
