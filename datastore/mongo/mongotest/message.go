package mongotest

import (
	"bytes"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// opQuery is the code of a message in which nothing but the handshake comes any
// more.
const opQuery wiremessage.OpCode = 2004

// setName is the name of the replica set that a stand-in is.
const setName = "rs0"

// hello is the answer to a handshake and to each look at the server.
func hello(addr string, replicaSet bool) bson.Raw {
	reply := bson.D{
		{Key: "helloOk", Value: true}, {Key: "ismaster", Value: true}, {Key: "isWritablePrimary", Value: true},
		{Key: "maxBsonObjectSize", Value: int32(16 << 20)}, {Key: "maxMessageSizeBytes", Value: int32(maxMessage)},
		{Key: "maxWriteBatchSize", Value: int32(100_000)}, {Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
		{Key: "minWireVersion", Value: int32(0)}, {Key: "maxWireVersion", Value: int32(21)}, {Key: "readOnly", Value: false},
	}
	if replicaSet {
		reply = append(reply, bson.D{
			{Key: "setName", Value: setName}, {Key: "setVersion", Value: int32(1)}, {Key: "secondary", Value: false},
			{Key: "hosts", Value: bson.A{addr}}, {Key: "primary", Value: addr}, {Key: "me", Value: addr},
		}...)
	}
	return Reply(append(reply, bson.E{Key: "ok", Value: 1.0}))
}

// Reply makes an answer. It panics at what is no BSON, which a test would have
// written itself.
func Reply(d bson.D) bson.Raw {
	raw, err := bson.Marshal(d)
	if err != nil {
		panic(err)
	}
	return raw
}

// fine is the answer to what needs no other.
var fine = bson.Raw(bsoncore.NewDocumentBuilder().AppendDouble("ok", 1).Build())

// reply appends the answer to a message, nothing if none is wanted.
func (s *Server) reply(dst, message []byte, c *Command) ([]byte, error) {
	_, id, _, code, body, ok := wiremessage.ReadHeader(message)
	switch {
	case !ok:
	case code == opQuery:
		return s.replyQuery(dst, id), nil
	case code == wiremessage.OpMsg:
		return s.replyMsg(dst, body, id, c)
	}
	return dst, errMessage
}

// replyQuery answers the handshake.
func (s *Server) replyQuery(dst []byte, id int32) []byte {
	at, dst := wiremessage.AppendHeaderStart(dst, id, id, wiremessage.OpReply)
	dst = wiremessage.AppendReplyFlags(dst, 0)
	dst = wiremessage.AppendReplyCursorID(dst, 0)
	dst = wiremessage.AppendReplyStartingFrom(dst, 0)
	dst = wiremessage.AppendReplyNumberReturned(dst, 1)
	dst = append(dst, s.hello...)
	return bsoncore.UpdateLength(dst, at, int32(len(dst)))
}

func (s *Server) replyMsg(dst, body []byte, id int32, c *Command) ([]byte, error) {
	flags, body, ok := wiremessage.ReadMsgFlags(body)
	if !ok || c.read(body) != nil {
		return dst, errMessage
	}
	var answer bson.Raw
	switch {
	case c.Name == "hello" || c.Name == "isMaster" || c.Name == "ismaster":
		answer = s.hello
	case s.options.Answer != nil:
		answer = s.options.Answer(c)
	}
	if answer == nil {
		answer = fine
	}
	if flags&wiremessage.MoreToCome != 0 {
		return dst, nil
	}
	at, dst := wiremessage.AppendHeaderStart(dst, id, id, wiremessage.OpMsg)
	dst = wiremessage.AppendMsgFlags(dst, 0)
	dst = wiremessage.AppendMsgSectionType(dst, wiremessage.SingleDocument)
	dst = append(dst, answer...)
	return bsoncore.UpdateLength(dst, at, int32(len(dst))), nil
}

// read takes the sections of a message apart, without copying them.
func (c *Command) read(sections []byte) error {
	c.Name, c.Body, c.Documents = "", nil, c.Documents[:0]
	for len(sections) > 0 {
		kind, rest, ok := wiremessage.ReadMsgSectionType(sections)
		if !ok {
			return errMessage
		}
		switch kind {
		case wiremessage.SingleDocument:
			var document bsoncore.Document
			if document, sections, ok = wiremessage.ReadMsgSectionSingleDocument(rest); !ok {
				return errMessage
			}
			c.Body = bson.Raw(document)
		case wiremessage.DocumentSequence:
			var documents []byte
			if _, documents, sections, ok = wiremessage.ReadMsgSectionRawDocumentSequence(rest); !ok {
				return errMessage
			}
			if err := c.readDocuments(documents); err != nil {
				return err
			}
		default:
			return errMessage
		}
	}
	return c.readName()
}

func (c *Command) readDocuments(sequence []byte) error {
	for len(sequence) > 0 {
		document, rest, ok := bsoncore.ReadDocument(sequence)
		if !ok {
			return errMessage
		}
		c.Documents = append(c.Documents, bson.Raw(document))
		sequence = rest
	}
	return nil
}

// names are those of frequent commands, whose texts need no copy.
var names = []string{"find", "findAndModify", "update", "insert", "hello"}

// readName reads the name of the first element.
func (c *Command) readName() error {
	const before = 5 // the length of the document and the type of the element
	if len(c.Body) < before {
		return errMessage
	}
	name, _, ok := bytes.Cut(c.Body[before:], []byte{0})
	if !ok {
		return errMessage
	}
	for _, known := range names {
		if string(name) == known {
			c.Name = known
			return nil
		}
	}
	c.Name = string(name)
	return nil
}
