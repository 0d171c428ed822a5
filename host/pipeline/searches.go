package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Searches are the operators and queries in criteria that the host has others, its
// plugins, work out. Methods may be called from any goroutine; the first two are
// asked whenever criteria have a name that nothing in the host has.
type Searches interface {
	match.Foreign

	// Operator returns who works out an operator, nil if nobody does any more.
	Operator(name string) SearchOperator
	// Query returns who answers a query, nil if nobody does any more.
	Query(name string) SearchQuery
}

// Asker is for whom a search is made.
type Asker struct {
	Pattern   []byte // of the paths
	Username  string // "" for nobody
	SessionID string
}

// SearchOperator works out one operator. Errors of type *SearchError are for the
// client, others are told as they are.
type SearchOperator interface {
	// Reads reports whether it may see the document at a path. Those that it may
	// not see do not match.
	Reads(path []byte) bool
	// Ranks reports whether the scores are an order of what matches, least first.
	Ranks() bool
	// Score says what the operator makes of each of the values, which are raw
	// JSON. scores has as many elements, all zero.
	Score(ctx context.Context, asker *Asker, argument []byte, values [][]byte, scores []Score) error
}

// Score is what an operator makes of a value.
type Score struct {
	Value   float64 // finite
	Matches bool
}

// SearchQuery answers one query.
type SearchQuery interface {
	// Reads reports whether it may see the document at a path. Others are not in
	// the result, whatever it answers.
	Reads(path []byte) bool
	// Part returns what it has found, best first, from skip on and at most limit of
	// it; more says that there is something behind.
	Part(ctx context.Context, asker *Asker, argument []byte, skip, limit int) (hits []Hit, more bool, err error)
}

// Hit is a document that a query has found.
type Hit struct {
	Path  string
	Score float64 // finite
}

// SearchError is how a search was refused, or has failed.
type SearchError struct {
	// Told is what the client is told: a JSON object that is an error, or text.
	Told []byte
}

// Error implements error.
func (e *SearchError) Error() string { return string(e.Told) }

// searchFailure is dataError for what may come from a plugin.
func searchFailure(err error) *protocol.Error {
	var told *SearchError
	if !errors.As(err, &told) {
		return dataError(err)
	}
	failure := protocol.NewError(string(told.Told))
	if rawjson.IsObject(told.Told) {
		failure.Message, failure.Raw = "the search was refused", told.Told
	}
	failure.Cause = err
	return failure
}

// reader returns where a search looks: as source does, with what plugins make of
// it.
func (p *Pipeline) reader(ctx context.Context, a actor, path []byte, o *match.Options) (datastore.Reader, *protocol.Error) {
	from, failure := p.source(ctx, o)
	if failure != nil || !o.Foreign() {
		return from, failure
	}
	s := &searched{store: p.Store, from: from, now: p.Now, asker: Asker{Pattern: path, Username: a.username(), SessionID: a.id}, ranking: -1}
	if o.Archives || o.ArchiveID != 0 && o.Search != nil {
		return nil, protocol.SystemError("archives have no part in searches of plugins")
	}
	if o.Search != nil {
		if s.query = p.Searches.Query(o.Search.Name); s.query == nil {
			return nil, gone("query", o.Search.Name)
		}
		s.argument = o.Search.Argument
	}
	for i := range o.Operators {
		on := &o.Operators[i]
		operator := p.Searches.Operator(on.Name)
		switch {
		case operator == nil:
			return nil, gone("operator", on.Name)
		case !operator.Ranks() || s.query != nil:
		case s.ranking >= 0:
			return nil, protocol.SystemError("criteria can have one operator that puts documents in an order, not both " +
				s.operators[s.ranking].on.Name + " and " + on.Name)
		default:
			s.ranking = i
		}
		s.operators = append(s.operators, appliedOperator{operator, on})
	}
	return s, nil
}

func gone(what, name string) *protocol.Error {
	return protocol.SystemError(fmt.Sprintf("no plugin has the %s %s any more", what, name))
}

// IsOperator reports whether criteria have an operator of this name already, so that
// nobody else can have it.
func IsOperator(name string) bool { return match.IsOperator(name) }

// parse reads and compiles the options of a search.
func (p *Pipeline) parse(options []byte) (*match.Options, error) {
	if p.Searches == nil {
		return match.ParseOptions(options)
	}
	return match.ParseOptionsWith(options, p.Searches)
}

// onlyRead refuses parts of criteria that a plugin works out where nobody asks it.
func onlyRead(o *match.Options, action abi.Action) *protocol.Error {
	if !o.Foreign() {
		return nil
	}
	name := "$search"
	if o.Search == nil {
		name = o.Operators[0].Name
	}
	return protocol.SystemError(fmt.Sprintf("%s is worked out by a plugin, which is asked for get and count only, not for %s", name, action))
}

// one returns the document at a path, if the options select it.
func (p *Pipeline) one(ctx context.Context, a actor, path []byte, o *match.Options, from datastore.Reader) (doc *datastore.Document, err error) {
	if o.Skip > 0 || o.Limit < 0 { // of one document, that leaves nothing
		return nil, nil
	}
	if o.Foreign() {
		err = from.Find(ctx, p.query(a, path, o), func(found *datastore.Document) bool {
			doc = found
			return false
		})
		return doc, err
	}
	doc, err = from.Get(ctx, path)
	if doc != nil && o.Filter != nil && !o.Filter.Match(doc) {
		doc = nil
	}
	return doc, err
}
