package abi

import "encoding/binary"

// A list holds records one after the other, each with its length before it as
// an unsigned little-endian number of 32 bits. EMIT and several imports use it.

// AppendToList appends a record to a list.
func AppendToList(list []byte, r *Record) []byte {
	size := r.Size()
	at := len(list)
	list = append(list, make([]byte, 4+size)...)
	binary.LittleEndian.PutUint32(list[at:], uint32(size))
	_, _ = r.Encode(list[at+4:]) // it has the room that Size asked for
	return list
}

// CutFromList decodes the first record of a list into r, whose sections alias
// list, and returns what follows it. An empty list is ErrTruncated.
func CutFromList(list []byte, r *Record) (rest []byte, err error) {
	if len(list) < 4 {
		*r = Record{}
		return nil, ErrTruncated
	}
	size := binary.LittleEndian.Uint32(list)
	list = list[4:]
	if uint64(size) > uint64(len(list)) {
		*r = Record{}
		return nil, ErrTruncated
	}
	if err := r.Decode(list[:size]); err != nil {
		return nil, err
	}
	return list[size:], nil
}
