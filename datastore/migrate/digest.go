package migrate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// digest is of the documents from the start of a source.
type digest struct {
	sum hash.Hash
	buf []byte
}

func newDigest() *digest { return &digest{sum: sha256.New()} }

// add adds the next document, or what should have been one.
func (d *digest) add(item *Item) {
	doc := &item.Doc
	d.buf = binary.AppendVarint(d.buf[:0], doc.Created)
	d.buf = binary.AppendVarint(d.buf, doc.Modified)
	for _, text := range []string{doc.Path, doc.ModifiedBy, doc.Tag, item.Fault, item.Place.ID} {
		d.buf = append(binary.AppendUvarint(d.buf, uint64(len(text))), text...)
	}
	d.buf = binary.AppendUvarint(d.buf, uint64(len(doc.Data)))
	d.sum.Write(d.buf)
	d.sum.Write(doc.Data)
}

// String is the digest so far.
func (d *digest) String() string { return hex.EncodeToString(d.sum.Sum(nil)) }
