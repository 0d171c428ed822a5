package hostcall

import "github.com/happn-host/happn-host/abi"

// World is what a plugin reaches of the host, in terms of records: path, data
// and options go in, documents come out. Errors are abi.Errno, or wrap one.
type World interface {
	// Get fills doc with the document at rec's path.
	Get(rec, doc *abi.Record) error
	// Find calls yield with the documents that rec's path and options select,
	// until it returns false. They are valid until it returns.
	Find(rec *abi.Record, yield func(doc *abi.Record) bool) error
	Count(rec *abi.Record) (int, error)
	Set(rec *abi.Record) error
	Publish(rec *abi.Record) error
	Remove(rec *abi.Record) (int, error)
	// Call asks another plugin's service, whose name is rec's path.
	Call(rec *abi.Record) (answer []byte, err error)
	// Session describes a session, as JSON.
	Session(id []byte) ([]byte, error)
}
