package replica

import (
	"errors"
	"net"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// carryOut answers one command.
func (s *Set) carryOut(conn net.Conn, r *request) ([]byte, error) {
	switch name := r.name(); name {
	case "hello", "isMaster", "ismaster":
		return r.reply(s.hello())
	case "aggregate":
		if stages := r.documents("pipeline"); len(stages) > 0 {
			if options, ok := stages[0].Lookup("$changeStream").DocumentOK(); ok {
				return r.reply(s.open(r, options, stages[1:]))
			}
		}
	case "getMore":
		if id, _ := r.body.Lookup("getMore").AsInt64OK(); id > firstCursor {
			return r.reply(s.more(conn, r, id))
		}
	case "killCursors":
		if ids := r.body.Lookup("cursors"); s.kill(ids) {
			return r.reply(bson.D{{Key: "cursorsKilled", Value: ids}, {Key: "ok", Value: 1}})
		}
	case "collMod":
		return r.reply(s.modify(r))
	case "insert", "update", "delete", "findAndModify":
		return s.write(r, name)
	case "drop", "dropDatabase":
		return s.drop(r, name)
	}
	s.server.Lock()
	defer s.server.Unlock()
	return s.forward(r.text)
}

// wireVersion is that of MongoDB 7.0.
const wireVersion = 21

// hello is what the only member says of itself. It knows no sessions: what the
// driver does with those is not asked for here.
func (s *Set) hello() bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	here := s.listener.Addr().String()
	return bson.D{
		{Key: "helloOk", Value: true}, {Key: "isWritablePrimary", Value: true}, {Key: "ismaster", Value: true},
		{Key: "secondary", Value: false}, {Key: "setName", Value: "rs0"}, {Key: "setVersion", Value: 1},
		{Key: "hosts", Value: bson.A{here}}, {Key: "primary", Value: here}, {Key: "me", Value: here},
		{Key: "maxBsonObjectSize", Value: 16 << 20}, {Key: "maxMessageSizeBytes", Value: maxMessage},
		{Key: "maxWriteBatchSize", Value: 100_000}, {Key: "localTime", Value: time.Now()},
		{Key: "minWireVersion", Value: 0}, {Key: "maxWireVersion", Value: wireVersion},
		{Key: "operationTime", Value: s.now()}, {Key: "ok", Value: 1.0},
	}
}

// now is the time of the last change.
func (s *Set) now() bson.Timestamp { return bson.Timestamp{T: 1, I: uint32(len(s.log))} }

func refusal(code int32, name, text string) bson.D {
	return bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: text}, {Key: "code", Value: code}, {Key: "codeName", Value: name}}
}

func (s *Set) modify(r *request) bson.D {
	enabled, ok := r.body.Lookup("changeStreamPreAndPostImages", "enabled").BooleanOK()
	if !ok {
		return refusal(72, "InvalidOptions", "only images can be modified here")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images[r.member("$db")+"."+r.member("collMod")] = enabled
	return bson.D{{Key: "ok", Value: 1.0}}
}

// mirror is what is in a collection.
type mirror struct {
	order []string // keys of the documents
	docs  map[string]bson.Raw
}

func keyOf(id bson.RawValue) string { return string(append([]byte{byte(id.Type)}, id.Value...)) }

// look reads a collection. The caller holds server.
func (s *Set) look(db, collection string) (*mirror, error) {
	answer, err := s.ask(bson.D{{Key: "find", Value: collection}, {Key: "batchSize", Value: 1_000_000},
		{Key: "singleBatch", Value: true}, {Key: "$db", Value: db}})
	if err != nil {
		return nil, err
	}
	batch, ok := answer.Lookup("cursor", "firstBatch").ArrayOK()
	if !ok {
		return nil, errors.New("the server cannot be looked into: " + answer.String())
	}
	values, err := batch.Values()
	m := &mirror{docs: map[string]bson.Raw{}}
	for _, v := range values {
		key := keyOf(v.Document().Lookup("_id"))
		m.order, m.docs[key] = append(m.order, key), v.Document()
	}
	return m, err
}

// write has the server write, and looks at what has become of it.
func (s *Set) write(r *request, name string) ([]byte, error) {
	db, collection := r.member("$db"), r.member(name)
	namespace := db + "." + collection
	replaces, err := r.replaces(name)
	if err != nil {
		return nil, err
	}
	s.server.Lock()
	defer s.server.Unlock()
	before := s.mirrors[namespace]
	if before == nil {
		if before, err = s.look(db, collection); err != nil {
			return nil, err
		}
	}
	answer, err := s.forward(r.text)
	if err != nil {
		return nil, err
	}
	after, err := s.look(db, collection)
	if err != nil {
		return nil, err
	}
	s.mirrors[namespace] = after
	s.note(namespace, before, after, replaces)
	return answer, nil
}

// replaces reports whether an update stores whole documents.
func (r *request) replaces(name string) (bool, error) {
	var updates []bson.Raw
	switch name {
	case "update":
		for _, statement := range r.documents("updates") {
			update, _ := statement.Lookup("u").DocumentOK()
			updates = append(updates, update)
		}
	case "findAndModify":
		if update, ok := r.body.Lookup("update").DocumentOK(); ok {
			updates = append(updates, update)
		}
	}
	whole := 0
	for _, update := range updates {
		if elements, err := update.Elements(); err == nil && (len(elements) == 0 || !strings.HasPrefix(elements[0].Key(), "$")) {
			whole++
		}
	}
	if whole > 0 && whole < len(updates) {
		return false, errors.New("one command replaces and updates, of which it cannot be told what does what")
	}
	return whole > 0, nil
}

// drop has the server drop a collection or a database.
func (s *Set) drop(r *request, name string) ([]byte, error) {
	s.server.Lock()
	defer s.server.Unlock()
	answer, err := s.forward(r.text)
	if err != nil {
		return nil, err
	}
	prefix := r.member("$db") + "."
	s.mu.Lock()
	defer s.mu.Unlock()
	for namespace := range s.mirrors {
		if name == "drop" && namespace != prefix+r.member(name) || !strings.HasPrefix(namespace, prefix) {
			continue
		}
		delete(s.mirrors, namespace)
		delete(s.images, namespace)
		s.log = append(s.log, change{kind: "drop", namespace: namespace}, change{kind: "invalidate", namespace: namespace})
	}
	s.tell()
	return answer, nil
}
