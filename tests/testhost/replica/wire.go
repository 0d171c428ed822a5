package replica

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// maxMessage is what MongoDB takes at most.
const maxMessage = 48_000_000

// request is one command as it came.
type request struct {
	text   []byte // of the whole message
	id     int32
	legacy bool                  // OP_QUERY, with which connections begin
	body   bson.Raw              // the command
	lists  map[string][]bson.Raw // its documents that stand beside the body, by name
}

// name is that of the command.
func (r *request) name() string {
	elements, err := r.body.Elements()
	if err != nil || len(elements) == 0 {
		return ""
	}
	return elements[0].Key()
}

// member is one of the command that is a text.
func (r *request) member(name string) string {
	text, _ := r.body.Lookup(name).StringValueOK()
	return text
}

// documents is a list of the command, wherever it stands.
func (r *request) documents(name string) []bson.Raw {
	if list, ok := r.lists[name]; ok {
		return list
	}
	array, _ := r.body.Lookup(name).ArrayOK()
	values, _ := array.Values()
	var all []bson.Raw
	for _, v := range values {
		all = append(all, v.Document())
	}
	return all
}

func readText(from io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return nil, err
	}
	size := int(binary.LittleEndian.Uint32(head[:]))
	if size < 16 || size > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	text := make([]byte, size)
	copy(text, head[:])
	_, err := io.ReadFull(from, text[4:])
	return text, err
}

// opQuery is the kind of the message with which connections begin, whatever the
// server can do.
const opQuery wiremessage.OpCode = 2004

var errMessage = errors.New("a message that cannot be read")

func readRequest(from io.Reader) (*request, error) {
	text, err := readText(from)
	if err != nil {
		return nil, err
	}
	_, id, _, code, rest, ok := wiremessage.ReadHeader(text)
	r := &request{text: text, id: id, lists: map[string][]bson.Raw{}}
	switch {
	case !ok:
		return nil, errMessage
	case code == opQuery:
		r.legacy = true
		return r, r.readQuery(rest)
	case code == wiremessage.OpMsg:
		return r, r.readSections(rest)
	}
	return nil, fmt.Errorf("a message of kind %v", code)
}

// readQuery reads an OP_QUERY: flags, the name of a collection that ends with a
// zero, two numbers, and the command.
func (r *request) readQuery(rest []byte) error {
	const number = 4
	if len(rest) < number {
		return errMessage
	}
	name := bytes.IndexByte(rest[number:], 0)
	if name < 0 || len(rest) < number+name+1+2*number {
		return errMessage
	}
	r.body = bson.Raw(rest[number+name+1+2*number:])
	return r.body.Validate()
}

func (r *request) readSections(rest []byte) error {
	flags, rest, ok := wiremessage.ReadMsgFlags(rest)
	if !ok || flags&wiremessage.ChecksumPresent != 0 {
		return errMessage
	}
	for len(rest) > 0 {
		var kind wiremessage.SectionType
		if kind, rest, ok = wiremessage.ReadMsgSectionType(rest); !ok {
			return errMessage
		}
		if kind == wiremessage.SingleDocument {
			var body bsoncore.Document
			if body, rest, ok = wiremessage.ReadMsgSectionSingleDocument(rest); !ok {
				return errMessage
			}
			r.body = bson.Raw(body)
			continue
		}
		name, docs, left, ok := wiremessage.ReadMsgSectionDocumentSequence(rest)
		if !ok {
			return errMessage
		}
		for _, d := range docs {
			r.lists[name] = append(r.lists[name], bson.Raw(d))
		}
		rest = left
	}
	return nil
}

// reply is an answer with a document.
func (r *request) reply(doc bson.D) ([]byte, error) {
	raw, err := bson.Marshal(doc)
	if err != nil {
		return nil, err
	}
	if r.legacy {
		at, dst := wiremessage.AppendHeaderStart(nil, 0, r.id, wiremessage.OpReply)
		dst = wiremessage.AppendReplyFlags(dst, 0)
		dst = wiremessage.AppendReplyCursorID(dst, 0)
		dst = wiremessage.AppendReplyStartingFrom(dst, 0)
		dst = wiremessage.AppendReplyNumberReturned(dst, 1)
		dst = append(dst, raw...)
		return bsoncore.UpdateLength(dst, at, int32(len(dst))), nil
	}
	return message(r.id, raw), nil
}

// message is an OP_MSG with one document, an answer to a request.
func message(to int32, raw bson.Raw) []byte {
	at, dst := wiremessage.AppendHeaderStart(nil, 0, to, wiremessage.OpMsg)
	dst = wiremessage.AppendMsgFlags(dst, 0)
	dst = wiremessage.AppendMsgSectionType(dst, wiremessage.SingleDocument)
	dst = append(dst, raw...)
	return bsoncore.UpdateLength(dst, at, int32(len(dst)))
}

// forward has the server carry out a message, and returns its answer. The caller
// holds server.
func (s *Set) forward(text []byte) ([]byte, error) {
	if _, err := s.upstream.Write(text); err != nil {
		return nil, err
	}
	return readText(s.upstream)
}

// ask has the server carry out a command of ours. The caller holds server.
func (s *Set) ask(command bson.D) (bson.Raw, error) {
	raw, err := bson.Marshal(command)
	if err != nil {
		return nil, err
	}
	text, err := s.forward(message(0, raw))
	if err != nil {
		return nil, err
	}
	answer := request{lists: map[string][]bson.Raw{}}
	_, _, _, _, rest, _ := wiremessage.ReadHeader(text)
	err = answer.readSections(rest)
	return answer.body, err
}

func (s *Set) serve(conn net.Conn) {
	for {
		r, err := readRequest(conn)
		if err != nil {
			return
		}
		answer, err := s.carryOut(conn, r)
		if err != nil {
			s.fail(err)
			return
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// fail fails the test, unless it is over.
func (s *Set) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.tb.Errorf("the stand-in for a replica set: %v", err)
	}
}
