package memory

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/datastore"
)

// Keys on disk: one byte for the kind, then the path or the name. Documents lie
// in path order.
const (
	documentKey = 'd'
	headerKey   = 'h'
)

// Names of headers.
var (
	formatHeader = []byte("hformat") // uvarint: version of everything in the folder
	cleanHeader  = []byte("hclean")  // present between a clean close and the next open
)

// formatVersion is what this program writes, and the newest it reads.
//
// A document in version 1:
//
//	byte     1
//	varint   created, ms
//	varint   modified - created, ms
//	uvarint  length of modifiedBy, and its bytes
//	rest     data
const formatVersion = 1

// maxValueHead is the most that precedes modifiedBy in a value.
const maxValueHead = 1 + 3*binary.MaxVarintLen64

// errNewerFormat says that the folder is ahead of this program.
var errNewerFormat = errors.New("it was written by a newer version of this program: run that version, or use another folder")

// appendHead appends what precedes the bytes of modifiedBy.
func appendHead(dst []byte, doc *datastore.Document) []byte {
	dst = append(dst, formatVersion)
	dst = binary.AppendVarint(dst, doc.Created)
	dst = binary.AppendVarint(dst, doc.Modified-doc.Created)
	return binary.AppendUvarint(dst, uint64(len(doc.ModifiedBy)))
}

// decode reads a value into a document without a path. Data is a copy; users
// holds the names met so far, which most documents share.
func decode(value []byte, users map[string]string) (*datastore.Document, error) {
	if len(value) == 0 {
		return nil, errors.New("the value is empty")
	}
	if value[0] != formatVersion {
		return nil, fmt.Errorf("value format %d: %w", value[0], errNewerFormat)
	}
	rest := value[1:]
	created, n := binary.Varint(rest)
	if n <= 0 {
		return nil, errors.New("the creation time is damaged")
	}
	rest = rest[n:]
	age, n := binary.Varint(rest)
	if n <= 0 {
		return nil, errors.New("the modification time is damaged")
	}
	rest = rest[n:]
	length, n := binary.Uvarint(rest)
	if n <= 0 || length > uint64(len(rest)-n) {
		return nil, errors.New("the user name is damaged")
	}
	rest = rest[n:]
	doc := &datastore.Document{Created: created, Modified: created + age}
	if length > 0 {
		user, known := users[string(rest[:length])]
		if !known {
			user = string(rest[:length])
			users[user] = user
		}
		doc.ModifiedBy = user
	}
	doc.Data = append(make([]byte, 0, len(rest)-int(length)), rest[length:]...)
	return doc, nil
}
