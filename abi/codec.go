package abi

import (
	"encoding/binary"
	"errors"
	"math"
)

// Section numbers a part of a record.
type Section uint16

// The sections. A decoder skips numbers that it does not know.
const (
	SectionPath      Section = 1
	SectionData      Section = 2
	SectionOptions   Section = 3
	SectionMeta      Section = 4
	SectionSessionID Section = 5
	SectionUsername  Section = 6
	SectionProtocol  Section = 7
	SectionChannel   Section = 8
	SectionError     Section = 9
	SectionBytes     Section = 10
	SectionAddress   Section = 11

	maxSection = SectionAddress
)

// Sizes of the fixed parts, in bytes.
const (
	HeaderSize        = 16
	SectionHeaderSize = 8
)

// Errors of the codec.
var (
	ErrShortBuffer = errors.New("abi: buffer is smaller than the record")
	ErrTooLarge    = errors.New("abi: record is longer than 2^32-1 bytes")
	ErrTruncated   = errors.New("abi: record ends before its sections do")
	ErrTrailing    = errors.New("abi: bytes after the last section")
	ErrVersion     = errors.New("abi: record is not of version 1")
	ErrReserved    = errors.New("abi: reserved field is not zero")
	ErrDuplicate   = errors.New("abi: a section occurs twice")
)

var sectionNames = [...]string{
	SectionPath:      "path",
	SectionData:      "data",
	SectionOptions:   "options",
	SectionMeta:      "meta",
	SectionSessionID: "session id",
	SectionUsername:  "username",
	SectionProtocol:  "protocol",
	SectionChannel:   "channel",
	SectionError:     "error",
	SectionBytes:     "bytes",
	SectionAddress:   "address",
}

// String returns the section's name, or "" for an unknown one.
func (s Section) String() string {
	if int(s) < len(sectionNames) {
		return sectionNames[s]
	}
	return ""
}

// Section returns where the record keeps the section s, or nil for a number
// that this version does not know.
func (r *Record) Section(s Section) *[]byte {
	switch s {
	case SectionPath:
		return &r.Path
	case SectionData:
		return &r.Data
	case SectionOptions:
		return &r.Options
	case SectionMeta:
		return &r.Meta
	case SectionSessionID:
		return &r.SessionID
	case SectionUsername:
		return &r.Username
	case SectionProtocol:
		return &r.Protocol
	case SectionChannel:
		return &r.Channel
	case SectionError:
		return &r.Error
	case SectionBytes:
		return &r.Bytes
	case SectionAddress:
		return &r.Address
	}
	return nil
}

// Next returns the first section
// after s, in ascending order, that the record holds, or zero when there are no
// more. Start with zero.
func (r *Record) Next(s Section) Section {
	for s++; s <= maxSection; s++ {
		if *r.Section(s) != nil {
			return s
		}
	}
	return 0
}

// Size returns the exact number of bytes that Encode writes.
func (r *Record) Size() int {
	sections := one(r.Path) + one(r.Data) + one(r.Options) + one(r.Meta) + one(r.SessionID) + one(r.Username) +
		one(r.Protocol) + one(r.Channel) + one(r.Error) + one(r.Bytes) + one(r.Address)
	return HeaderSize + sections*SectionHeaderSize +
		len(r.Path) + len(r.Data) + len(r.Options) + len(r.Meta) + len(r.SessionID) + len(r.Username) +
		len(r.Protocol) + len(r.Channel) + len(r.Error) + len(r.Bytes) + len(r.Address)
}

// one is 1 for a section that is present.
func one(b []byte) int {
	if b == nil {
		return 0
	}
	return 1
}

// Encode writes the record to the beginning of dst and returns how many bytes
// it wrote. After an error dst holds nothing of use, and nothing beyond its first
// 104 bytes was touched. dst must not overlap the record's sections.
func (r *Record) Encode(dst []byte) (int, error) {
	if len(dst) < maxHeads && len(dst) < r.Size() {
		return 0, ErrShortBuffer
	}
	// All heads first, then all bodies: nothing is called between heads, so that
	// what is worked on stays in registers. Every message pays for this.
	heads := dst[:min(len(dst), maxHeads)]
	at, size := HeaderSize, 0
	at, size = putHead(heads, at, size, SectionPath, r.Path)
	at, size = putHead(heads, at, size, SectionData, r.Data)
	at, size = putHead(heads, at, size, SectionOptions, r.Options)
	at, size = putHead(heads, at, size, SectionMeta, r.Meta)
	at, size = putHead(heads, at, size, SectionSessionID, r.SessionID)
	at, size = putHead(heads, at, size, SectionUsername, r.Username)
	at, size = putHead(heads, at, size, SectionProtocol, r.Protocol)
	at, size = putHead(heads, at, size, SectionChannel, r.Channel)
	at, size = putHead(heads, at, size, SectionError, r.Error)
	at, size = putHead(heads, at, size, SectionBytes, r.Bytes)
	at, size = putHead(heads, at, size, SectionAddress, r.Address)
	size += at
	if len(dst) < size {
		return 0, ErrShortBuffer
	}
	if uint64(size) > math.MaxUint32 {
		return 0, ErrTooLarge
	}
	binary.LittleEndian.PutUint64(dst, uint64(Version)|uint64(r.Kind)<<8|uint64(r.Action)<<16|uint64(r.Flags)<<24|
		uint64((at-HeaderSize)/SectionHeaderSize)<<32)
	binary.LittleEndian.PutUint64(dst[8:], r.EventID)
	rest := dst[at:size]
	rest = putBody(rest, r.Path)
	rest = putBody(rest, r.Data)
	rest = putBody(rest, r.Options)
	rest = putBody(rest, r.Meta)
	rest = putBody(rest, r.SessionID)
	rest = putBody(rest, r.Username)
	rest = putBody(rest, r.Protocol)
	rest = putBody(rest, r.Channel)
	rest = putBody(rest, r.Error)
	rest = putBody(rest, r.Bytes)
	putBody(rest, r.Address)
	return size, nil
}

// maxHeads is the length of a header and the heads of all sections, 104 bytes.
const maxHeads = HeaderSize + int(maxSection)*SectionHeaderSize

// putHead writes the head of a section, if it is present, and returns where the
// next one goes, and the length of all bodies until then.
func putHead(heads []byte, at, size int, s Section, b []byte) (next, length int) {
	if b == nil {
		return at, size
	}
	binary.LittleEndian.PutUint64(heads[at:], uint64(s)|uint64(len(b))<<32)
	return at + SectionHeaderSize, size + len(b)
}

// putBody writes the body of a section and returns what is left of dst.
func putBody(dst, b []byte) []byte {
	if len(b) == 0 {
		return dst
	}
	return dst[copy(dst, b):]
}

// Decode reads a record that fills src exactly into r, overwriting all of it.
// The sections alias src. Nothing is allocated, whatever src holds; on an error
// r is left empty.
func (r *Record) Decode(src []byte) error {
	*r = Record{}
	if len(src) < HeaderSize {
		return ErrTruncated
	}
	if src[0] != Version {
		return ErrVersion
	}
	if src[6] != 0 || src[7] != 0 {
		return ErrReserved
	}
	count := int(binary.LittleEndian.Uint16(src[4:]))
	body := HeaderSize + count*SectionHeaderSize
	if body > len(src) {
		return ErrTruncated
	}
	if err := r.decodeSections(src, count, body); err != nil {
		*r = Record{}
		return err
	}
	r.Kind, r.Action, r.Flags = Kind(src[1]), Action(src[2]), src[3]
	r.EventID = binary.LittleEndian.Uint64(src[8:])
	return nil
}

func (r *Record) decodeSections(src []byte, count, body int) error {
	heads := src[HeaderSize:body]
	bodies := src[body:]
	for ; count > 0; count-- {
		// One load: u16 id, u16 zero, u32 length.
		head := binary.LittleEndian.Uint64(heads)
		heads = heads[SectionHeaderSize:]
		length := head >> 32
		if head>>16&0xffff != 0 {
			return ErrReserved
		}
		if length > uint64(len(bodies)) {
			return ErrTruncated
		}
		if place := r.Section(Section(head & 0xffff)); place != nil {
			if *place != nil {
				return ErrDuplicate
			}
			*place = bodies[:length:length]
		}
		bodies = bodies[length:]
	}
	if len(bodies) != 0 {
		return ErrTrailing
	}
	return nil
}

// Apply overwrites the sections of r that patch holds. Kind, action, flags and
// event id stay. The new sections alias patch's.
func (r *Record) Apply(patch *Record) {
	for s := patch.Next(0); s != 0; s = patch.Next(s) {
		*r.Section(s) = *patch.Section(s)
	}
}
