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
	size, _ := r.measure()
	return size
}

// measure is written out because every message pays for it.
func (r *Record) measure() (size, sections int) {
	size = len(r.Path) + len(r.Data) + len(r.Options) + len(r.Meta) + len(r.SessionID) + len(r.Username) +
		len(r.Protocol) + len(r.Channel) + len(r.Error) + len(r.Bytes) + len(r.Address)
	sections = one(r.Path) + one(r.Data) + one(r.Options) + one(r.Meta) + one(r.SessionID) + one(r.Username) +
		one(r.Protocol) + one(r.Channel) + one(r.Error) + one(r.Bytes) + one(r.Address)
	return HeaderSize + sections*SectionHeaderSize + size, sections
}

// one is 1 for a section that is present.
func one(b []byte) int {
	if b == nil {
		return 0
	}
	return 1
}

// Encode writes the record to the beginning of dst and returns how many bytes
// it wrote. It writes nothing when dst is shorter than Size. dst must not
// overlap the record's sections.
func (r *Record) Encode(dst []byte) (int, error) {
	size, sections := r.measure()
	if len(dst) < size {
		return 0, ErrShortBuffer
	}
	if uint64(size) > math.MaxUint32 {
		return 0, ErrTooLarge
	}
	dst = dst[:size]
	dst[0], dst[1], dst[2], dst[3] = Version, uint8(r.Kind), uint8(r.Action), r.Flags
	binary.LittleEndian.PutUint32(dst[4:], uint32(sections))
	binary.LittleEndian.PutUint64(dst[8:], r.EventID)
	head, body := HeaderSize, HeaderSize+sections*SectionHeaderSize
	head, body = put(dst, head, body, SectionPath, r.Path)
	head, body = put(dst, head, body, SectionData, r.Data)
	head, body = put(dst, head, body, SectionOptions, r.Options)
	head, body = put(dst, head, body, SectionMeta, r.Meta)
	head, body = put(dst, head, body, SectionSessionID, r.SessionID)
	head, body = put(dst, head, body, SectionUsername, r.Username)
	head, body = put(dst, head, body, SectionProtocol, r.Protocol)
	head, body = put(dst, head, body, SectionChannel, r.Channel)
	head, body = put(dst, head, body, SectionError, r.Error)
	head, body = put(dst, head, body, SectionBytes, r.Bytes)
	put(dst, head, body, SectionAddress, r.Address)
	return size, nil
}

// put writes a section, if it is present, and returns where the next one goes.
// What it works on goes through registers: every message pays for it.
func put(dst []byte, head, body int, s Section, b []byte) (heads, bodies int) {
	if b == nil {
		return head, body
	}
	binary.LittleEndian.PutUint64(dst[head:], uint64(s)|uint64(len(b))<<32)
	return head + SectionHeaderSize, body + copy(dst[body:], b)
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
