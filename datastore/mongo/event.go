package mongo

import (
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// happening is one event of a change stream. It aliases the text that it was read from.
type happening struct {
	kind  string        // the server's operationType
	id    bson.RawValue // _id of the document
	mark  string        // of who wrote, see writer; "" if there is none
	whole bson.Raw      // the document after the change; nil if the event does not have it
	path  string        // of what was removed; "" if it is not known
}

// shownEvent is what is asked for of an event. What a document was like before
// can be large, and only its path matters.
func shownEvent() bson.D {
	var shown bson.D
	for _, name := range []string{"_id", "operationType", "documentKey", "fullDocument",
		"fullDocumentBeforeChange." + codec.Path, "updateDescription.updatedFields." + codec.Writer} {
		shown = append(shown, bson.E{Key: name, Value: 1})
	}
	return shown
}

// readEvent reads an event.
func readEvent(raw bson.Raw) (e happening, err error) {
	if err := raw.Validate(); err != nil {
		return e, err
	}
	var ok bool
	if e.kind, ok = raw.Lookup("operationType").StringValueOK(); !ok {
		return e, errors.New("an event of the change stream does not say what happened")
	}
	e.id = raw.Lookup("documentKey", "_id")
	if whole, ok := raw.Lookup("fullDocument").DocumentOK(); ok {
		e.whole = whole
	}
	switch e.kind {
	case "update":
		// A document keeps the mark of its last writer when somebody else updates
		// it: only one that the update has set tells who that was.
		e.mark, _ = raw.Lookup("updateDescription", "updatedFields", codec.Writer).StringValueOK()
	case "insert", "replace":
		e.mark, _ = e.whole.Lookup(codec.Writer).StringValueOK()
	case "delete":
		if e.path, ok = raw.Lookup("fullDocumentBeforeChange", codec.Path).StringValueOK(); !ok {
			e.path, _ = raw.Lookup("documentKey", codec.Path).StringValueOK() // a key of shards
		}
	}
	return e, nil
}
