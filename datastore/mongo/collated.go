package mongo

import (
	"bytes"
	"encoding/json"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// errRefused is the error of a search that the server does not carry out as it was
// planned, before it has sent a document.
var errRefused = errors.New("the server refuses the search")

// plan returns how a query is carried out: with Options.ServerDecides the server
// compares texts by collations of its own, if all of the query can be left to it.
func (s *Store) plan(q *datastore.Query) *search {
	p := plan(q)
	if !s.options.ServerDecides || s.uncollated.Load() || p.whole && p.sort != nil {
		return p // no collation has a bearing on it, or the host has to do it
	}
	if c := collatedPlan(q); c != nil {
		return c
	}
	return p
}

// collatedPlan is plan for a server that compares texts by the query's collation,
// nil if there is none, or if the host has to match or sort nevertheless. The
// collation holds for the whole command. So an expression selects the path, which
// is read as it stands, and the order by path that decides between equals is that of
// the collation, which finds paths equal, too: then the _id decides.
func collatedPlan(q *datastore.Query) *search {
	by, ok := collationOf(q)
	if !ok {
		return nil
	}
	pushed, whole := criteria(q.Filter, true)
	sort, ok := collatedSorting(q.Order)
	if !whole || !ok {
		return nil
	}
	p := &search{Query: q, whole: true, sort: sort, by: by,
		criteria: bson.D{{Key: codec.Path, Value: bson.D{{Key: "$regex", Value: pathExpression(string(q.Pattern))}}}}}
	if len(pushed) > 0 {
		p.criteria = bson.D{{Key: "$and", Value: bson.A{p.criteria, pushed}}}
	}
	p.shown = projection(p)
	return p
}

// collatedSorting is sorting by a collation.
func collatedSorting(o datastore.Order) (bson.D, bool) {
	var keys bson.D
	if o != nil {
		var ok bool
		if keys, ok = sortKeys(o); !ok {
			return nil, false
		}
	}
	if !hasKey(keys, codec.Path) {
		keys = append(keys, byPath()...)
	}
	return append(keys, bson.E{Key: "_id", Value: 1}), true
}

func hasKey(keys bson.D, name string) bool {
	for _, k := range keys {
		if k.Key == name {
			return true
		}
	}
	return false
}

// collation is one that the server is given.
type collation struct {
	source []byte // as it was asked for
	option *options.Collation
}

// collationOf returns the collation by which all of a query compares texts.
func collationOf(q *datastore.Query) (*collation, bool) {
	var one []byte
	for _, part := range compared(q) {
		c, ok := part.(interface{ Collation() []byte })
		if !ok {
			return nil, false
		}
		source := c.Collation()
		if source == nil || one != nil && !bytes.Equal(one, source) {
			return nil, false
		}
		one = source
	}
	option, ok := collationOption(one)
	return &collation{one, option}, ok
}

// compared are the parts of a query that compare.
func compared(q *datastore.Query) []any {
	var parts []any
	if q.Order != nil {
		parts = append(parts, q.Order)
	}
	return append(parts, filtersOf(q.Filter)...)
}

func filtersOf(f datastore.Filter) []any {
	if f == nil {
		return nil
	}
	c, ok := f.(datastore.Conjunct)
	if !ok {
		return []any{f}
	}
	var all []any
	parts, _ := c.Parts() // criteria asks whether they are all
	for _, part := range parts {
		all = append(all, filtersOf(part)...)
	}
	return all
}

// collationOption is a collation as the driver has it; false for one of which it
// would not send everything: it sends no version, and not what is turned off, which
// some languages have turned on.
func collationOption(source []byte) (*options.Collation, bool) {
	by := &options.Collation{}
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.DisallowUnknownFields()
	if decoder.Decode(by) != nil {
		return nil, false
	}
	for name, value := range rawjson.Members(source) {
		switch string(name) {
		case "backwards", "normalization":
			if string(value) != "true" {
				return nil, false
			}
		}
	}
	return by, true
}

// searchFailure is failure for a search. That the server does not compare texts by
// the collation is errRefused, told in the log once.
func (s *Store) searchFailure(p *search, err error) error {
	if p.by == nil {
		return s.failure(err)
	}
	if err := s.refused("a search with a collation", err); err != nil {
		return err
	}
	if lacking(err) {
		s.uncollated.Store(true)
	}
	return errRefused
}

// lacking reports whether a server has refused what it would refuse always.
func lacking(err error) bool {
	const commandNotSupported, notImplemented = 115, 238
	var refused mongo.CommandError
	return errors.As(err, &refused) && (refused.Code == commandNotSupported || refused.Code == notImplemented)
}
