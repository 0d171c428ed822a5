package memory

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/datastore"
)

// Keys on disk: one byte for the kind, then the path or the name. Documents lie
// in path order. Those of an archive have its number, 8 bytes, before the path;
// what describes an archive has the number only.
const (
	archivedKey = 'a'
	documentKey = 'd'
	headerKey   = 'h'
	archiveKey  = 'r'
)

// Names of headers.
var (
	formatHeader = []byte("hformat") // uvarint: version of everything in the folder
	cleanHeader  = []byte("hclean")  // present between a clean close and the next open
)

// formatVersion is what this program writes into the header, and the newest it
// reads.
const formatVersion = 1

// A document begins with the version of its own format. Those without a tag are
// written in the first, which programs that know of no tags read as well:
//
//	byte     1
//	varint   created, ms
//	varint   modified - created, ms
//	uvarint  length of modifiedBy, and its bytes
//	rest     data
//
// The second has the tag after modifiedBy: a uvarint length, and its bytes.
const (
	plainFormat  = 1
	taggedFormat = 2
)

// errNewerFormat says that the folder is ahead of this program.
var errNewerFormat = errors.New("it was written by a newer version of this program: run that version, or use another folder")

// appendHead appends what precedes the data in a document's value.
func appendHead(dst []byte, doc *datastore.Document) []byte {
	format := byte(plainFormat)
	if doc.Tag != "" {
		format = taggedFormat
	}
	dst = append(dst, format)
	dst = binary.AppendVarint(dst, doc.Created)
	dst = binary.AppendVarint(dst, doc.Modified-doc.Created)
	dst = appendText(dst, doc.ModifiedBy)
	if doc.Tag != "" {
		dst = appendText(dst, doc.Tag)
	}
	return dst
}

// appendText appends a text with its length before it.
func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// decode reads a value into a document without a path. Data is a copy; users
// holds the names met so far, which most documents share.
func decode(value []byte, users map[string]string) (*datastore.Document, error) {
	if len(value) == 0 {
		return nil, errors.New("the value is empty")
	}
	if value[0] < plainFormat || value[0] > taggedFormat {
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
	user, rest, ok := cutText(rest)
	if !ok {
		return nil, errors.New("the user name is damaged")
	}
	doc := &datastore.Document{Created: created, Modified: created + age}
	if len(user) > 0 {
		name, known := users[string(user)]
		if !known {
			name = string(user)
			users[name] = name
		}
		doc.ModifiedBy = name
	}
	if value[0] == taggedFormat {
		var tag []byte
		if tag, rest, ok = cutText(rest); !ok {
			return nil, errors.New("the tag is damaged")
		}
		doc.Tag = string(tag)
	}
	doc.Data = append(make([]byte, 0, len(rest)), rest...)
	return doc, nil
}

// cutText takes a text with its length before it off the front.
func cutText(b []byte) (text, rest []byte, ok bool) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, nil, false
	}
	return b[n : n+int(length)], b[n+int(length):], true
}
