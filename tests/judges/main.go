// Judge of a published ledger that shares no code with it: Go's own sumdb note and tlog packages, nothing else of ours.
// Usage: judges FOLDER VKEY-FILE; prints "accepted <size>" and ends with 0, or says what does not hold and ends with 1.
package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8 // of a tile: 256 hashes

// folder reads the tiles that tlog asks for; their names differ from those of tlog-tiles in a prefix only.
type folder string

func (f folder) Height() int                          { return height }
func (f folder) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (f folder) file(tile tlog.Tile) ([]byte, error) {
	name := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	name = strings.Replace(name, "data/", "entries/", 1)
	return os.ReadFile(filepath.Join(string(f), "tile", filepath.FromSlash(name)))
}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	found := make([][]byte, len(tiles))
	for at, tile := range tiles {
		data, err := f.file(tile)
		if err != nil {
			return nil, err
		}
		found[at] = data
	}
	return found, nil
}

// checkpoint returns the tree that the log's key signed; no more than its three lines may be in it.
func (f folder) checkpoint(vkey string) (tlog.Tree, error) {
	var tree tlog.Tree
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tree, err
	}
	signed, err := os.ReadFile(filepath.Join(string(f), "checkpoint"))
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	if origin != verifier.Name() {
		return tree, fmt.Errorf("origin %q", origin)
	}
	// tlog knows the same body under its own heading
	tree, err = tlog.ParseTree([]byte("go.sum database tree\n" + rest))
	if err == nil && tree.N == 0 && tree.Hash != tlog.Hash(sha256.Sum256(nil)) {
		err = errors.New("root of the empty tree")
	}
	return tree, err
}

// bundle checks one bundle of entries against the hashes that the tiles prove.
func (f folder) bundle(at int64, count int, hashes tlog.HashReader) error {
	data, err := f.file(tlog.Tile{H: height, L: -1, N: at / 256, W: count})
	if err != nil {
		return err
	}
	indexes := make([]int64, count)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, at+int64(i))
	}
	proved, err := hashes.ReadHashes(indexes)
	if err != nil {
		return err
	}
	left := bytes.NewBuffer(data)
	for i := range proved {
		head := left.Next(2)
		if len(head) != 2 {
			return fmt.Errorf("bundle ends before entry %d", at+int64(i))
		}
		length := int(head[0])<<8 | int(head[1])
		entry := left.Next(length)
		if len(entry) != length || tlog.RecordHash(entry) != proved[i] {
			return fmt.Errorf("entry %d", at+int64(i))
		}
	}
	if left.Len() != 0 {
		return fmt.Errorf("bundle goes on after entry %d", at+int64(count)-1)
	}
	return nil
}

func judge(f folder, vkey string) (int64, error) {
	tree, err := f.checkpoint(vkey)
	if err != nil {
		return 0, err
	}
	hashes := tlog.TileHashReader(tree, f)
	for at := int64(0); at < tree.N; at += 256 {
		if err := f.bundle(at, int(min(256, tree.N-at)), hashes); err != nil {
			return 0, err
		}
	}
	for _, old := range []int64{1, tree.N / 2, tree.N - 1} {
		if old < 1 || old >= tree.N {
			continue
		}
		root, err := tlog.TreeHash(old, hashes)
		if err != nil {
			return 0, err
		}
		proof, err := tlog.ProveTree(tree.N, old, hashes)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old, root); err != nil {
			return 0, err
		}
	}
	return tree.N, nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: judges FOLDER VKEY-FILE")
		os.Exit(2)
	}
	key, err := os.ReadFile(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	size, err := judge(folder(os.Args[1]), strings.TrimSpace(string(key)))
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	fmt.Println("accepted", size)
}
