package loki

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// errNoData says that a document has nothing in it.
var errNoData = errors.New("it has no data")

// milliseconds reads a time, 0 if there is none.
func milliseconds(obj []byte, name string) (int64, error) {
	raw, ok := rawjson.Lookup(obj, name)
	if !ok || rawjson.IsNull(raw) {
		return 0, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != float64(int64(f)) {
		return 0, fmt.Errorf("%q is no time in milliseconds: %.40s", name, raw)
	}
	return int64(f), nil
}

// readDocument reads a document as the database holds it. The path is filled in
// also when there is an error.
func readDocument(raw []byte) (doc datastore.Document, err error) {
	scanner := rawjson.Scanner{MaxDepth: maxDepth}
	if err := scanner.Valid(raw); err != nil {
		return doc, err
	}
	path, _ := rawjson.Lookup(raw, "path")
	if !rawjson.IsObject(raw) || !rawjson.IsString(path) {
		return doc, errors.New("it has no path")
	}
	doc.Path = string(rawjson.Unquote(path))
	data, ok := rawjson.Lookup(raw, "data")
	if !ok {
		return doc, errNoData
	}
	doc.Data = append([]byte(nil), data...)
	return doc, readMeta(&doc, raw)
}

// readMeta sets what an object says of a document beside its data.
func readMeta(doc *datastore.Document, raw []byte) error {
	created, err := milliseconds(raw, "created")
	if err != nil {
		return err
	}
	modified, err := milliseconds(raw, "modified")
	if err != nil {
		return err
	}
	if created != 0 {
		doc.Created = created
	}
	if modified != 0 {
		doc.Modified = modified
	}
	if by, ok := rawjson.Lookup(raw, "modifiedBy"); ok && rawjson.IsString(by) {
		doc.ModifiedBy = string(rawjson.Unquote(by))
	}
	return nil
}
